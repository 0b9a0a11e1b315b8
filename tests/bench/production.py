"""A call in production, token and record included, against its own limit: `python -m tests.bench.production [--rounds N]`.

The limit is the limit of the bench, the bare check of one signature with `cryptography` by the same algorithm and key,
and a share of one fsync. That share is the estimate of the design, not measured: the disk works while others compute.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from flask import Flask

from cds_service.knowledge.library import Library
from cds_service.trust.minting import Jwk, key_set, new_key
from tests.bench import limit, wsgi
from tests.bench.measuring import TURN, Spent, in_turns
from tests.profiles import open_application
from tests.trust.issuing import BASE, ISSUER, sign

PATH = "/cds-services/cramp-order-select"
FSYNC_SHARE = 20.0
"""Microseconds of one fsync that a call bears when calls come together."""
AIMS = {"RS384": 4.0, "ES384": 2.0}


class Ratio(NamedTuple):
    """One algorithm: the service, its limit (both in microseconds of CPU) and what was aimed at."""

    algorithm: str
    service: Spent
    limit: Spent
    aim: float


def measured(cards: Library, body: bytes, now: datetime, folder: Path, rounds: int) -> list[Ratio]:
    """The ratio for each algorithm, on one body."""
    found = []
    for algorithm, aim in AIMS.items():
        key = new_key(algorithm)
        with application(cards, now, folder / algorithm, key) as app:
            tokens = minted(key, now, rounds)
            spent = in_turns(
                {
                    "service": partial(wsgi.caller(with_tokens(app, tokens)), body),
                    "limit": partial(at_its_limit, body, now, bare_check(key, next(tokens))),
                },
                rounds,
            )
        least = Spent(spent["limit"].median + FSYNC_SHARE, spent["limit"].best + FSYNC_SHARE)
        found.append(Ratio(algorithm, spent["service"], least, aim))
    return found


def at_its_limit(body: bytes, now: datetime, check: Callable[[], object]) -> None:
    """The answer and the signature, without anything around them."""
    check()
    limit.answer(body, now.date())


@contextmanager
def application(cards: Library, now: datetime, folder: Path, key: Jwk) -> Iterator[Flask]:
    """The service in production with its journal and its store of used tokens, for one client with this key."""
    folder.mkdir()
    client = {
        "algorithms": [key["alg"]], "jwks": key_set(key), "shows_drafts": True, "findings_extension": True,
        "rate_per_minute": 1_000_000,
    }  # fmt: skip
    opened = open_application(
        "production", folder, cards, lambda: now, client=client, CDS_REPLAY_STORE="sqlite", CDS_LOG_LEVEL="info"
    )
    try:
        yield opened.app
    finally:
        opened.close()


def minted(key: Jwk, now: datetime, rounds: int) -> Iterator[str]:
    """Tokens made before anything is measured, one for each call that fits into the turns, and some to spare."""
    number = (rounds + 2) * TURN // 400 + 10
    issued = int(now.timestamp())
    claims = {"iss": ISSUER, "aud": BASE + PATH, "iat": issued, "exp": issued + 300}
    return iter([sign({**claims, "jti": str(uuid4())}, key) for _ in range(number)])


def with_tokens(app: WSGIApplication, tokens: Iterator[str]) -> WSGIApplication:
    """The application, each call bringing the next token."""

    def called(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {next(tokens)}"
        return app(environ, start_response)

    return called


def bare_check(key: Jwk, token: str) -> Callable[[], object]:
    """The signature of one token checked, by a key object that is there, and nothing else."""
    public: Any = jwt.PyJWK(key).key.public_key()
    signed, _, tail = token.rpartition(".")
    signature, text = jwt.utils.base64url_decode(tail), signed.encode()
    if key["kty"] == "RSA":
        return lambda: public.verify(signature, text, padding.PKCS1v15(), SHA384())
    half = len(signature) // 2
    pair = encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
    return lambda: public.verify(pair, text, ec.ECDSA(SHA384()))


def table(ratios: list[Ratio]) -> str:
    """The figures as Markdown."""
    lines = [
        "| call in production, typical body | service, µs: median (best) | its own limit | ratio by medians | by best | aim |"
    ]
    lines.append("|" + "---|" * 6)
    lines += [
        f"| {one.algorithm} | {one.service.median:,.0f} ({one.service.best:,.0f}) "
        f"| {one.limit.median:,.0f} ({one.limit.best:,.0f}) | {one.service.median / one.limit.median:.2f} "
        f"| {one.service.best / one.limit.best:.2f} | {one.aim:g} |"
        for one in ratios
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure by itself and print."""
    from tests.bench import __main__ as bench
    from tests.bench import bodies, subjects

    asked = argparse.ArgumentParser(prog="python -m tests.bench.production")
    asked.add_argument("--rounds", type=int, default=15)
    rounds = asked.parse_args().rounds
    with tempfile.TemporaryDirectory() as held:
        given: Mapping[str, Any] = {
            "cards": subjects.library(), "body": bodies.body("typical", bench.NOW.date()), "now": bench.NOW,
            "folder": Path(held), "rounds": rounds,
        }  # fmt: skip
        print(table(bench.without_log(measured, *given.values())))


if __name__ == "__main__":
    main()
