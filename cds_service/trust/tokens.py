"""Reading the token of a call: a JWT checked by fixed rules in a fixed order; nothing is ever fetched for it."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest as keyed_digest
from typing import Any, NamedTuple, Protocol

import msgspec
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from cds_service.trust.clients import Client, Clients
from cds_service.trust.keys import Key
from cds_service.trust.refusals import Unauthorized
from cds_service.trust.replay import ReplayStore, Sight, Verdict

LEEWAY_SECONDS = 60
LONGEST_TOKEN = 16_384
_BEARER = re.compile(r"(?i:bearer) +((([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+))\.([A-Za-z0-9_-]+))", re.ASCII)
_CARRIED_KEYS = ("jwk", "x5u", "x5c")
# The characters that may end a group of two or three in base64url when the spare bits are zero, as they must be.
_ENDINGS = {1: frozenset[str](), 2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}
_ALGORITHMS = get_default_algorithms()
_decode = msgspec.json.Decoder().decode
Json = Mapping[str, Any]


class _Token(NamedTuple):
    """A token taken apart: its text, header and claims, the bytes that were signed, and the signature."""

    text: str
    header: Json
    claims: Json
    signed: bytes
    signature: bytes


class KeyRing(Protocol):
    """Where keys are found, at once and without a call to anybody."""

    def find(self, client: Client, kid: str) -> Key | None:
        """The key of a client, or None when it is not known now."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that was checked, but not yet looked up among those already used.

    `issued` and `until` (its end with the leeway) are seconds since 1970.
    """

    client: Client
    token: str
    jti: str
    issued: float
    until: float


def authenticate(
    headers: Sequence[tuple[str, str]] | str,
    audience: str,
    read_body: Callable[[], bytes],
    clients: Clients,
    keys: KeyRing,
    replay: ReplayStore,
    now: float,
) -> tuple[Client, Verdict]:
    """The client behind a call, and whether its token is new or an honest repeat.

    `headers` are all headers of the call, or the value of its one Authorization header; `audience` is the public
    address of the endpoint that was called; `read_body` is only called for a client that may repeat a call; `now` is
    in seconds since 1970. Raises `Unauthorized` for whatever is wrong with the token, and `StoreDown` when it cannot
    be told whether it was used before.
    """
    verified = verify(_only_authorization(headers), audience, clients, keys, now)
    return verified.client, spend(verified, read_body, replay, now)


def _only_authorization(headers: Sequence[tuple[str, str]] | str) -> str:
    if isinstance(headers, str):
        return headers
    found = [value for name, value in headers if name.lower() == "authorization"]
    if len(found) != 1:
        raise Unauthorized("header")
    return found[0]


def verify(authorization: str, audience: str, clients: Clients, keys: KeyRing, now: float) -> Verified:
    """All checks but the one for replay. Raises `Unauthorized`."""
    token = _read(authorization)
    client = _client(clients, token.claims)
    _check_header(token.header, client)
    key = keys.find(client, token.header["kid"])
    if key is None:
        raise Unauthorized("key")
    _check_signature(token, key)
    return _check_claims(token.claims, token.text, client, audience, now)


def _read(authorization: str) -> _Token:
    """The token of `Authorization: Bearer`, in the one spelling that base64url has for it; nothing is believed yet."""
    if len(authorization) > LONGEST_TOKEN:
        raise Unauthorized("size")
    found = _BEARER.fullmatch(authorization)
    if found is None:
        raise Unauthorized("form")
    text, signed, head, body, tail = found.groups()
    try:
        header, claims, signature = _decode(_bytes(head)), _decode(_bytes(body)), _bytes(tail)
    except (ValueError, RecursionError):
        raise Unauthorized("form") from None
    if not isinstance(header, dict) or not isinstance(claims, dict) or not _well_formed(header):
        raise Unauthorized("form")
    return _Token(text, header, claims, signed.encode(), signature)


def _bytes(part: str) -> bytes:
    """What a part of a token says. Raises ValueError for a spelling that is not the one of its bytes."""
    spare = len(part) % 4
    if spare and part[-1] not in _ENDINGS[spare]:
        raise ValueError(part)
    return urlsafe_b64decode(part + "==")  # more padding than needed does no harm


def _well_formed(header: Json) -> bool:
    """Whether a header is that of a plain JWT: nothing critical, the payload encoded (RFC 7797), `kid` a text."""
    return "crit" not in header and "b64" not in header and isinstance(header.get("kid", ""), str)


def _client(clients: Clients, claims: Json) -> Client:
    issuer, tenant = claims.get("iss"), claims.get("tenant")
    if not isinstance(issuer, str) or not (tenant is None or isinstance(tenant, str)):
        raise Unauthorized("issuer")
    client = clients.by_issuer(issuer, tenant)
    if client is None:
        raise Unauthorized("issuer")
    return client


def _check_header(header: Json, client: Client) -> None:
    if header.get("alg") not in client.algorithms:
        raise Unauthorized("alg")
    if any(member in header for member in _CARRIED_KEYS) or str(header.get("typ", "JWT")).upper() != "JWT":
        raise Unauthorized("header")
    if not isinstance(header.get("kid"), str):
        raise Unauthorized("kid")
    if "jku" in header and (client.jku is None or header["jku"] != client.jku):
        raise Unauthorized("jku")


def _check_signature(token: _Token, key: Key) -> None:
    """The signature must be good by the algorithm of the header, which is one of the client's and must be the key's."""
    name = token.header["alg"]
    if name not in key.algorithms:
        raise Unauthorized("alg")
    try:
        good = _ALGORITHMS[name].verify(token.signed, key.public, token.signature)
    except (PyJWTError, ValueError, TypeError):
        good = False
    if not good:
        raise Unauthorized("signature")


def _check_claims(claims: Json, token: str, client: Client, audience: str, now: float) -> Verified:
    issued, ends, jti = _seconds(claims, "iat"), _seconds(claims, "exp"), claims.get("jti")
    named = claims.get("aud")
    if audience not in (named if isinstance(named, list) else [named]):
        raise Unauthorized("aud")
    if ends + LEEWAY_SECONDS <= now or ends - issued > client.max_lifetime or ends <= issued:
        raise Unauthorized("exp")
    if issued > now + LEEWAY_SECONDS:
        raise Unauthorized("iat")
    if "nbf" in claims and _seconds(claims, "nbf") > now + LEEWAY_SECONDS:
        raise Unauthorized("nbf")
    if client.tenant is not None and claims.get("tenant") != client.tenant:
        raise Unauthorized("tenant")
    if not isinstance(jti, str) or not jti:
        raise Unauthorized("jti")
    return Verified(client, token, jti, issued, ends + LEEWAY_SECONDS)


def _seconds(claims: Json, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e11:
        raise Unauthorized(name)
    return float(value)


def spend(verified: Verified, read_body: Callable[[], bytes], replay: ReplayStore, now: float) -> Verdict:
    """Use a token up. Raises `Unauthorized` when it was used before, unless it repeats its own call."""
    # Keyed by the token, which is stored nowhere: whoever reads the store cannot try bodies against the digest.
    repeats = verified.client.allow_retry
    body = keyed_digest(verified.token.encode(), read_body(), "sha256") if repeats else b""
    named = f"{len(verified.client.issuer)}:{verified.client.issuer}{verified.jti}"
    sight = Sight(sha256(named.encode()).digest(), verified.issued, verified.until, body)
    verdict = replay.spend(sight, now)
    if verdict == "seen":
        raise Unauthorized("replay")
    return verdict
