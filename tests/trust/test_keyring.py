"""Fetched keys: ahead, in the background, at most once a minute; usable while the endpoint is away; never by a token."""

import json
import time
from collections.abc import Iterator

import pytest

from cds_service.trust.clients import Client, Clients
from cds_service.trust.keyring import ClientKeys, FetchedKeys
from cds_service.trust.minting import Jwk, key_set
from cds_service.trust.refusals import Unauthorized
from cds_service.trust.replay import MemoryStore
from cds_service.trust.tokens import authenticate
from tests.trust.issuing import AUDIENCE, ISSUER, NOW, claims, key_pair, sign
from tests.trust.servers import endpoint, sends, until

OLD, NEW = key_pair("ES384"), key_pair("ES384", 1)
DAY = 86_400.0


class Endpoint:
    """A key endpoint in memory: `serves` what is there, or an exception."""

    def __init__(self, serves: object) -> None:
        self.serves, self.count, self.tick = serves, 0, 0.0

    def fetch(self, _: str) -> object:
        self.count += 1
        if isinstance(self.serves, Exception):
            raise self.serves
        return self.serves

    def clock(self) -> float:
        return self.tick

    def turn(self, held: FetchedKeys, seconds: float) -> None:
        """Let time pass; fetch when the thread would."""
        self.tick += seconds
        if held.pause(self.tick) == 0:
            held.refresh(self.fetch, self.clock)


@pytest.fixture
def held() -> FetchedKeys:
    return FetchedKeys("https://ehr.example.org/jwks", DAY)


def test_keys_are_read_at_once_and_again_after_ten_minutes(held: FetchedKeys) -> None:
    site = Endpoint(key_set(OLD))
    site.turn(held, 0)
    assert held.find(OLD["kid"], site.tick)
    for _ in range(9):
        site.turn(held, 60)
    assert site.count == 1
    site.serves = key_set(NEW)
    site.turn(held, 60)
    assert site.count == 2
    assert held.find(NEW["kid"], site.tick)
    assert held.find(OLD["kid"], site.tick) is None


def test_unknown_kids_fetch_once_a_minute_however_many_they_are(held: FetchedKeys) -> None:
    site = Endpoint(key_set(OLD))
    site.turn(held, 0)
    for second in range(120):
        for number in range(20):
            assert held.find(f"{second} {number}", site.tick) is None
        site.turn(held, 1)
    assert site.count == 3
    site.serves = key_set(OLD, NEW)
    assert held.find(NEW["kid"], site.tick) is None
    site.turn(held, 60)
    assert held.find(NEW["kid"], site.tick)


@pytest.mark.parametrize("fault", [OSError("away"), LookupError("x"), {}, {"keys": []}, "text", {"keys": [7]}], ids=str)
def test_old_keys_stay_usable_for_a_day(held: FetchedKeys, fault: object) -> None:
    site = Endpoint(key_set(OLD))
    site.turn(held, 0)
    site.serves = fault
    for _ in range(24 * 6):
        site.turn(held, 600)
        assert held.find(OLD["kid"], site.tick)
    assert held.fault
    site.turn(held, 1)
    assert held.find(OLD["kid"], site.tick) is None
    site.serves = key_set(OLD)
    site.turn(held, 60)
    assert held.find(OLD["kid"], site.tick)
    assert held.fault == ""


def test_a_failed_fetch_is_tried_again_after_a_minute(held: FetchedKeys) -> None:
    site = Endpoint(OSError("away"))
    for _ in range(61):
        site.turn(held, 1)
    assert site.count == 2


@pytest.fixture
def ring() -> Iterator[list[ClientKeys]]:
    rings: list[ClientKeys] = []
    yield rings
    for one in rings:
        one.close()


def start(rings: list[ClientKeys], jku: str) -> tuple[Clients, ClientKeys]:
    from cds_service.trust.fetching import fetcher

    clients = Clients((Client("ehr", ISSUER, jku=jku),))
    keys = ClientKeys(clients, DAY, fetcher(None, plain_http=True), time.monotonic)
    rings.append(keys)
    keys.start(5)
    return clients, keys


def knock(clients: Clients, keys: ClientKeys, key: Jwk, **header: object) -> str:
    token = sign(claims(jti=str(time.monotonic_ns())), key, header)
    try:
        store = MemoryStore(NOW, time.monotonic)
        return authenticate(f"Bearer {token}", AUDIENCE, bytes, clients, keys, store, NOW)[0].name
    except Unauthorized as refused:
        return refused.reason


@pytest.mark.loopback
def test_a_flood_of_unknown_kids_fetches_at_most_once(ring: list[ClientKeys]) -> None:
    with endpoint(sends(json.dumps(key_set(OLD)).encode())) as site:
        clients, keys = start(ring, site.url + "/jwks")
        assert knock(clients, keys, OLD) == "ehr"
        before = len(site.asked)
        for number in range(1000):
            assert knock(clients, keys, OLD, kid=f"unknown {number}") == "key"
        time.sleep(1.5)
        assert len(site.asked) - before <= 1
        assert "1, " in keys.state()[0]


@pytest.mark.loopback
def test_a_foreign_jku_is_refused_and_never_asked(ring: list[ClientKeys]) -> None:
    with (
        endpoint(sends(json.dumps(key_set(OLD)).encode())) as site,
        endpoint(sends(json.dumps(key_set(NEW)).encode())) as canary,
    ):
        clients, keys = start(ring, site.url + "/jwks")
        for jku in (canary.url, canary.url + "/jwks", site.url + "/jwks/", "http://169.254.169.254/latest", "", 7):
            assert knock(clients, keys, NEW, jku=jku) == "jku"
            assert knock(clients, keys, OLD, jku=jku) == "jku"
        assert knock(clients, keys, NEW, jku=site.url + "/jwks") == "key"
        assert knock(clients, keys, OLD, jku=site.url + "/jwks") == "ehr"
        time.sleep(1.2)
        assert canary.asked == []


@pytest.mark.loopback
def test_an_endpoint_that_comes_late_is_tried_again(ring: list[ClientKeys], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.trust.keyring.LEAST_PAUSE_SECONDS", 0.2)
    with endpoint(sends(b"not yet", 503)) as site:
        clients, keys = start(ring, site.url)
        assert knock(clients, keys, OLD) == "key"
        assert "the answer is 503" in keys.state()[0]
        site.answer = sends(json.dumps(key_set(OLD)).encode())
        until(lambda: knock(clients, keys, OLD) == "ehr")
