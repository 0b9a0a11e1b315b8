"""Tokens of an authorization server, npm oidc-provider: made by its rules, its keys fetched from its own address."""

import json
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import Request, urlopen

import pytest

from cds_service.trust.clients import Client, Clients
from cds_service.trust.fetching import fetcher
from cds_service.trust.keyring import ClientKeys
from cds_service.trust.refusals import Unauthorized
from cds_service.trust.replay import MemoryStore
from cds_service.trust.tokens import authenticate
from tests.trust.issuing import AUDIENCE, BASE
from tests.trust.node_packages import installed

pytestmark = pytest.mark.loopback


@dataclass(frozen=True)
class Issuer:
    """A running authorization server."""

    address: str
    jwks: str

    def token(self, kind: str, resource: str = AUDIENCE) -> str:
        """What a client gets at /token by its own credentials (RFC 6749, 4.4) for a resource (RFC 8707)."""
        asked = Request(
            f"{self.address}/token",
            data=f"grant_type=client_credentials&resource={resource}".encode(),
            headers={"Authorization": f"Basic {b64encode(f'{kind}:for-tests-only'.encode()).decode()}"},
        )
        with urlopen(asked, timeout=20) as answer:
            made: str = json.load(answer)["access_token"]
            return made


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    folder = tmp_path_factory.mktemp("node")
    node = installed(folder)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [node, "authorize.mjs"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        with process:
            assert process.stdout
            line = process.stdout.readline()
            if not line:
                raise AssertionError((folder / "log").read_text())
            said = json.loads(line)
            yield Issuer(said["issuer"], said["jwks"])
            process.communicate(timeout=20)  # it serves until its input ends


@pytest.fixture(scope="module")
def keys(issuer: Issuer) -> Iterator[tuple[Clients, ClientKeys]]:
    clients = Clients((Client("ehr", issuer.address, jku=issuer.jwks),))
    held = ClientKeys(clients, 86_400, fetcher(None, plain_http=True), time.monotonic)
    held.start(10)
    yield clients, held
    held.close()


def knock(token: str, clients: Clients, keys: ClientKeys) -> str:
    """The client let in, or the reason of the refusal after a blank."""
    now = time.time()
    try:
        store = MemoryStore(now - 3600, time.monotonic)
        return authenticate(f"Bearer {token}", AUDIENCE, bytes, clients, keys, store, now)[0].name
    except Unauthorized as refused:
        return f" {refused.reason}"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("es384", "ehr"),
        ("rs384", "ehr"),
        ("list", "ehr"),
        ("rs256", " alg"),
        ("hs256", " alg"),
        ("as-made", " header"),  # an access token says that it is one (RFC 9068: typ at+jwt); CDS Hooks wants typ JWT
        ("encrypted", " form"),
        ("opaque", " form"),
        ("day", " exp"),
        ("past", " exp"),
        ("no-jti", " jti"),
        ("other-issuer", " issuer"),
    ],
)
def test_what_an_authorization_server_issues(
    issuer: Issuer, keys: tuple[Clients, ClientKeys], kind: str, found: str
) -> None:
    assert knock(issuer.token(kind), *keys) == found


@pytest.mark.parametrize("resource", [BASE, AUDIENCE + "/feedback", "https://else.example.org/cds-services"])
def test_a_token_for_another_resource(issuer: Issuer, keys: tuple[Clients, ClientKeys], resource: str) -> None:
    assert knock(issuer.token("es384", resource), *keys) == " aud"


def test_what_was_agreed_with_the_client_counts(issuer: Issuer, keys: tuple[Clients, ClientKeys]) -> None:
    agreed = Clients((Client("ehr", issuer.address, jku=issuer.jwks, algorithms=("RS256",), max_lifetime=86_400),))
    assert knock(issuer.token("rs256"), agreed, keys[1]) == "ehr"
    assert knock(issuer.token("es384"), agreed, keys[1]) == " alg"
    assert (
        knock(
            issuer.token("day"),
            Clients((Client("ehr", issuer.address, jku=issuer.jwks, max_lifetime=86_400),)),
            keys[1],
        )
        == "ehr"
    )


def test_a_token_of_a_server_that_is_not_registered(issuer: Issuer) -> None:
    stranger = Clients((Client("ehr", "https://ehr.example.org", jku=issuer.jwks),))
    held = ClientKeys(stranger, 86_400, fetcher(None, plain_http=True), time.monotonic)
    try:
        held.start(10)
        assert knock(issuer.token("es384"), stranger, held) == " issuer"
    finally:
        held.close()
