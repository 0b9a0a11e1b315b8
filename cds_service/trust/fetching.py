"""The one place that fetches key sets: a hardened HTTP client for addresses that were configured, never sent."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests

MOST_BYTES = 262_144
_CONNECT_SECONDS, _READ_SECONDS, _WHOLE_SECONDS = 3.0, 5.0, 10.0
_PIECE = 16_384
Fetch = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A JSON value, and what the other side says the time is (None when it does not say)."""

    value: object
    said: datetime | None


class NotFetched(Exception):
    """A key set could not be fetched; the words say why."""


def fetcher(ca_file: Path | None, plain_http: bool) -> Fetch:
    """How to fetch JSON. `ca_file` replaces the certificates known; `plain_http` is for the sandbox only."""
    return lambda address: fetch(address, ca_file, plain_http).value


def fetch(address: str, ca_file: Path | None, plain_http: bool) -> Fetched:
    """The JSON at an address. Raises `NotFetched` with the reason."""
    if not address.startswith("https://") and not (plain_http and address.startswith("http://")):
        raise NotFetched("the address is not https")
    try:
        body, said = _body(address, ca_file)
        return Fetched(json.loads(body), _date(said))
    except (requests.RequestException, OSError) as error:
        raise NotFetched(f"it cannot be reached ({type(error).__name__})") from error
    except (ValueError, RecursionError) as error:
        raise NotFetched("the answer is not JSON") from error


def _date(said: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(said)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _body(address: str, ca_file: Path | None) -> tuple[bytes, str]:
    """The body of a 200 and its Date; nothing from the environment counts, nothing is followed or decompressed."""
    until = time.monotonic() + _WHOLE_SECONDS
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "cramp-cds"}
        with session.get(
            address,
            headers=headers,
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            allow_redirects=False,
            stream=True,
            verify=str(ca_file) if ca_file else True,
        ) as answer:
            if answer.status_code != 200:
                raise NotFetched(f"the answer is {answer.status_code}")
            if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise NotFetched("the answer is compressed")
            return _read(answer, until), answer.headers.get("Date", "")


def _read(answer: requests.Response, until: float) -> bytes:
    body = bytearray()
    for piece in answer.iter_content(_PIECE):
        body += piece
        if len(body) > MOST_BYTES:
            raise NotFetched(f"the answer is longer than {MOST_BYTES} bytes")
        if time.monotonic() > until:
            raise NotFetched("the answer takes too long")
    return bytes(body)
