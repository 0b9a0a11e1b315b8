"""Issuers for the tests: key pairs made once, clients as a file would give them, and tokens of every kind."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import yaml

from cds_service.trust.clients import Client, Clients
from cds_service.trust.keyring import ClientKeys
from cds_service.trust.keys import read_keys
from cds_service.trust.minting import Jwk, key_set, new_key

NOW = 1_790_000_000
ISSUER = "https://ehr.example.org"
BASE = "https://cds.example.org"
PATH = "/cds-services/cramp-order-select"
AUDIENCE = BASE + PATH
CALL = {
    "hook": "order-select",
    "hookInstance": "6c1f0f4e-8f5e-4b1c-9a7d-000000000001",
    "context": {"userId": "Practitioner/1", "patientId": "p1", "draftOrders": {"resourceType": "Bundle"}},
}


@cache
def key_pair(algorithm: str, number: int = 0) -> Jwk:
    """A private key; another `number` is another key."""
    return new_key(algorithm)


def claims(**changes: object) -> dict[str, Any]:
    """The claims of a good token; a change to None takes a claim away."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 300, "jti": "one", **changes}
    return {name: value for name, value in good.items() if value is not None}


@cache
def _private(members: tuple[tuple[str, str], ...]) -> Any:
    return jwt.PyJWK(dict(members)).key


def private(key: Jwk) -> Any:
    """The key object of a private key; making one costs more than a signature, so it is made once."""
    return _private(tuple(key.items()))


def sign(said: Mapping[str, Any], key: Jwk, header: Mapping[str, Any] | None = None, algorithm: str = "") -> str:
    """A token with these claims; a header member of None is left out."""
    members = {"kid": key["kid"], **(header or {})}
    kept = {name: value for name, value in members.items() if value is not None}
    return jwt.encode(dict(said), private(key), algorithm=algorithm or key["alg"], headers=kept)


def good(**changes: object) -> str:
    return "Bearer " + sign(claims(**changes), key_pair("ES384"))


def segment(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def client(**changes: Any) -> Client:
    keys = read_keys(key_set(key_pair("ES384"), key_pair("RS384")))[0]
    return Client(**{"name": "ehr", "issuer": ISSUER, "pinned": keys, **changes})


def pinned(*clients: Client) -> tuple[Clients, ClientKeys]:
    found = Clients(clients or (client(),))
    return found, ClientKeys(found, 86_400, never, lambda: 0.0)


def never(address: str) -> object:
    raise AssertionError(f"{address} was fetched")


def write_clients(folder: Path, *entries: Mapping[str, object]) -> Path:
    """A clients file; each entry needs a name, an issuer and keys unless it brings its own."""
    keys = {"jwks": key_set(key_pair("ES384"), key_pair("RS384"))}
    listed = [
        {"name": "ehr", "issuer": ISSUER, **({} if {"jku", "jwks_file", "jwks"} & set(entry) else keys), **entry}
        for entry in entries or ({"shows_drafts": True},)
    ]
    path = folder / "clients.yaml"
    path.write_text(yaml.safe_dump({"clients": listed}), encoding="utf-8")
    return path
