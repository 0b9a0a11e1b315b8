"""Who may wait for a FHIR server: so many calls at once, fewer of one client, and none where nobody answers."""

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cds_service.caller import ClientOptions, FhirBase, FhirRules
from cds_service.fhir import Gathered
from cds_service.fhir.breaker import Breaker, Server
from cds_service.fhir.guard import Guard
from cds_service.hooks import read_request
from cds_service.knowledge.library import Library
from cds_service.pace import Pace
from cds_service.service import judge
from tests.fhir.access.fhir_servers import Serve, answer, fetched, never, served
from tests.fhir.access.fhir_servers import Server as Ehr
from tests.fhir.access.test_faults import PROBLEMS, WITHOUT, drip_of_body, good, half, no_http, reset, silent, status
from tests.fhir.access.whole_service import asking, encoded, service_that_asks, told
from tests.fhir.fhir_samples import prefetch
from tests.fixtures.people import NOW, PEOPLE

A, B = Server("a", "https://a.example.org"), Server("b", "https://b.example.org")
SECTIONS = 5


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def reasons(found: Gathered) -> set[str]:
    return {gap.reason for gap in found.gaps}


# How many calls may wait


def test_places_are_counted_for_all_and_for_each_client() -> None:
    guard = Guard(FhirRules(calls=3, calls_per_client=2))
    assert [guard.enter(A), guard.enter(A), guard.enter(A)] == ["", "", "fetch-busy"]
    assert [guard.enter(B), guard.enter(B)] == ["", "fetch-busy"]
    guard.leave(A)
    assert [guard.enter(A), guard.enter(B)] == ["", "fetch-busy"]
    assert guard.state() == ["fhir: 3 of 3 calls waiting, 3 turned away since the start"]


def test_threads_take_no_more_places_than_there_are() -> None:
    guard = Guard(FhirRules(calls=8, calls_per_client=5))
    taken: list[Server] = []

    def come_and_stay(server: Server) -> None:
        if not guard.enter(server):
            taken.append(server)

    threads = [threading.Thread(target=come_and_stay, args=(server,)) for server in (A, B) * 20]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 8
    assert taken.count(A) <= 5
    assert taken.count(B) <= 5
    for server in taken:
        guard.leave(server)
    assert guard.state() == ["fhir: 0 of 8 calls waiting, 32 turned away since the start"]


@dataclass
class Waiting:
    """Calls that wait for a server which says nothing. What they came to is known at the end."""

    server: Ehr
    found: list[Gathered]


@contextmanager
def waiting(count: int, **rules: Any) -> Iterator[Waiting]:
    """So many calls of client a, each with all its questions asked, until the block ends."""
    enough = threading.Event()
    with served(lambda connection, _: enough.wait(20) and connection.close()) as server:
        all_of_them = Waiting(server, [])

        def call() -> None:
            all_of_them.found.append(fetched(server.base, {}, client="a", **rules))

        threads = [threading.Thread(target=call) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            while len(server.asked) < count * SECTIONS:
                time.sleep(0.01)
            yield all_of_them
        finally:
            enough.set()
            for thread in threads:
                thread.join()


@pytest.mark.loopback
def test_a_slow_server_of_one_client_takes_nothing_from_another() -> None:
    rules = {"calls": 4, "calls_per_client": 3, "seconds": 10.0}
    with served(good(PROBLEMS)) as quick, waiting(3, **rules) as slow:
        others = [fetched(quick.base, WITHOUT, client="b", **rules) for _ in range(5)]
        turned_away = fetched(slow.server.base, {}, client="a", **rules)
        assert not slow.found
        assert len(slow.server.asked) == 3 * SECTIONS
    assert all(not other.gaps for other in others)
    assert reasons(turned_away) == {"fetch-busy"}
    assert "too many calls were waiting for FHIR servers already" in turned_away.gaps[0].detail
    assert len(slow.found) == 3


@pytest.mark.loopback
def test_all_clients_together_have_so_many_places() -> None:
    rules = {"calls": 2, "calls_per_client": 2, "seconds": 10.0}
    with served(never) as quick, waiting(2, **rules) as slow:
        assert reasons(fetched(quick.base, WITHOUT, client="b", **rules)) == {"fetch-busy"}
        assert not slow.found


@pytest.mark.loopback
def test_what_prefetch_satisfies_takes_no_place() -> None:
    rules = {"calls": 1, "calls_per_client": 1, "seconds": 10.0}
    with waiting(1, **rules) as slow:
        assert not fetched(slow.server.base, prefetch(), client="a", **rules).gaps
        assert not slow.found


@pytest.mark.loopback
def test_a_place_is_free_again_after_the_call() -> None:
    with served(good(PROBLEMS)) as server:
        for _ in range(10):
            assert not fetched(server.base, WITHOUT, calls=1, calls_per_client=1).gaps


@pytest.mark.loopback
def test_a_place_is_taken_until_its_threads_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name lookup cannot be cut off: the call has long been answered while its thread still waits for the name."""
    found = threading.Event()
    lookup = socket.getaddrinfo

    def slow_lookup(*args: Any, **named: Any) -> Any:
        found.wait(10)
        return lookup(*args, **named)

    rules = {"calls": 1, "calls_per_client": 1, "pause_after": 100}
    with served(good(PROBLEMS)) as server:
        monkeypatch.setattr(socket, "getaddrinfo", slow_lookup)
        assert reasons(fetched(server.base, WITHOUT, seconds=0.2, **rules)) == {"fetch-timeout"}
        assert reasons(fetched(server.base, WITHOUT, seconds=0.2, **rules)) == {"fetch-busy"}
        found.set()
        monkeypatch.undo()
        while reasons(last := fetched(server.base, WITHOUT, seconds=1.0, **rules)) == {"fetch-busy"}:
            time.sleep(0.01)
    assert not last.gaps


@pytest.mark.loopback
def test_a_system_without_threads_gives_a_gap_and_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    rules = {"calls": 1, "calls_per_client": 1, "pause_after": 1}
    with served(good(PROBLEMS)) as server:
        with monkeypatch.context() as poor:
            poor.setattr("concurrent.futures.thread.threading.Thread.start", start)
            found = [reasons(fetched(server.base, {}, **rules)) for _ in range(3)]
        assert not fetched(server.base, WITHOUT, **rules).gaps
        assert len(server.asked) == 1
    assert found == [{"fetch-busy"}] * 3


# A server that does not answer is left alone


def test_after_so_many_failures_in_a_row_nobody_asks_until_one_may_try() -> None:
    clock = Clock()
    breaker = Breaker(3, 30.0, clock)
    for _ in range(2):
        breaker.failed(A)
        assert breaker.allows(A)
    breaker.failed(A)
    assert not breaker.allows(A)
    assert breaker.allows(B)
    clock.now += 29.9
    assert not breaker.allows(A)
    clock.now += 0.2
    assert [breaker.allows(A) for _ in range(5)] == [True, False, False, False, False]
    breaker.failed(A)
    clock.now += 29.9
    assert not breaker.allows(A)
    clock.now += 0.2
    assert breaker.allows(A)
    breaker.answered(A)
    assert [breaker.allows(A) for _ in range(5)] == [True] * 5
    breaker.failed(A)
    assert breaker.allows(A)


def test_an_answer_in_between_ends_the_count() -> None:
    breaker = Breaker(2, 30.0, Clock())
    for _ in range(10):
        breaker.failed(A)
        breaker.answered(A)
    assert breaker.allows(A)


def test_a_try_of_which_nothing_is_heard_gives_way_to_another() -> None:
    clock = Clock()
    breaker = Breaker(1, 30.0, clock)
    breaker.failed(A)
    for _ in range(3):
        clock.now += 30.1
        assert [breaker.allows(A), breaker.allows(A)] == [True, False]


def test_it_speaks_of_servers_that_are_left_alone_and_of_no_others() -> None:
    clock = Clock()
    breaker = Breaker(2, 30.0, clock)
    breaker.failed(B)
    breaker.failed(A)
    breaker.failed(A)
    clock.now += 10
    assert [*breaker.state()] == [
        "https://a.example.org of a did not answer 2 calls in a row, left alone for 20 s more"
    ]
    clock.now += 25
    assert [*breaker.state()] == [
        "https://a.example.org of a did not answer 2 calls in a row, left alone until the next call tries"
    ]


def test_it_remembers_a_bounded_number_of_servers() -> None:
    breaker = Breaker(1, 30.0, Clock())
    servers = [Server("a", f"https://ehr.example.org/{number}") for number in range(5000)]
    for server in servers:
        breaker.failed(server)
    assert len([*breaker.state()]) == 1000
    assert breaker.allows(servers[0])
    assert not breaker.allows(servers[-1])


def test_threads_may_share_it() -> None:
    breaker = Breaker(1, 0.0, count().__next__)
    servers = [Server("a", str(number)) for number in range(7)]
    errors: list[Exception] = []

    def use(start: int) -> None:
        try:
            for number in range(start, start + 3000):
                server = servers[number % 7]
                breaker.failed(server)
                breaker.allows(server)
                [*breaker.state()]
                breaker.answered(server)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert not [*breaker.state()]


NOBODY: dict[str, Serve] = {
    "silent": silent,
    "reset": reset,
    "no HTTP": no_http,
    "drip of body": drip_of_body,
}
SOMEBODY: dict[str, Serve] = {
    "500": status("500 Internal Server Error"),
    "503": status("503 Service Unavailable"),
    "429": status("429 Too Many Requests"),
    "401": status("401 Unauthorized"),
    "403": status("403 Forbidden"),
    "404": status("404 Not Found"),
    "301": status("301 Moved", b"", "Location: /"),
    "no JSON": good(b"not json"),
    "cut in the middle": half,
}
QUICKLY: dict[str, Any] = {"seconds": 0.3, "pause_after": 3, "pause_seconds": 60.0}


@pytest.mark.loopback
@pytest.mark.parametrize("name", NOBODY)
def test_calls_to_a_server_that_does_not_answer_are_answered_at_once(name: str) -> None:
    with served(NOBODY[name]) as server:
        first = [reasons(fetched(server.base, WITHOUT, **QUICKLY)) for _ in range(3)]
        contacts = server.contacts
        started = time.monotonic()
        later = [fetched(server.base, {}, **QUICKLY) for _ in range(20)]
        spent = time.monotonic() - started
        other_client = reasons(fetched(server.base, WITHOUT, client="b", **QUICKLY))
    assert {*map(frozenset, first)} <= {frozenset({"fetch-timeout"}), frozenset({"fetch-failed"})}
    assert [reasons(found) for found in later] == [{"fetch-paused"}] * 20
    assert "did not answer earlier calls and is left alone" in later[0].gaps[0].detail
    assert spent < 1.0
    assert other_client == first[0]
    assert contacts <= 6


@pytest.mark.loopback
@pytest.mark.parametrize("name", SOMEBODY)
def test_a_server_that_says_no_is_asked_again(name: str) -> None:
    with served(SOMEBODY[name]) as server:
        for _ in range(6):
            assert "fetch-paused" not in reasons(fetched(server.base, WITHOUT, **QUICKLY))


@pytest.mark.loopback
def test_a_server_with_one_slow_search_is_asked_again() -> None:
    def serve(connection: socket.socket, path: str) -> None:
        silent(connection, path) if "/Condition" in path else answer(connection, b'{"resourceType":"Bundle"}')

    with served(serve) as server:
        for _ in range(5):
            found = fetched(server.base, {}, **QUICKLY)
    assert [gap.section for gap in found.gaps if gap.reason == "fetch-timeout"] == ["conditions"]


@pytest.mark.loopback
def test_a_server_that_is_back_is_asked_after_the_pause() -> None:
    rules = {"pause_after": 2, "pause_seconds": 0.4}
    with served(silent) as server:
        for _ in range(2):
            fetched(server.base, WITHOUT, seconds=0.2, **rules)
        server.serve = good(PROBLEMS)
        assert reasons(fetched(server.base, WITHOUT, **rules, seconds=0.2)) == {"fetch-paused"}
        time.sleep(0.45)
        assert [reasons(fetched(server.base, WITHOUT, **rules, seconds=0.2)) for _ in range(5)] == [set()] * 5


@pytest.mark.loopback
def test_a_call_that_had_hardly_any_time_left_blames_no_server() -> None:
    with served(silent) as server:
        for _ in range(5):
            found = fetched(server.base, WITHOUT, seconds=2.0, until=time.monotonic() + 0.05, pause_after=2)
            assert reasons(found) == {"fetch-timeout"}


@pytest.mark.loopback
def test_a_call_that_came_to_ask_late_blames_no_server() -> None:
    class Late(Pace):
        """Its first turn to compute comes late: that time is not the server's."""

        comes_in = 0.5

        def check(self) -> None:
            time.sleep(self.comes_in)
            self.comes_in = 0.0
            super().check()

    with served(silent) as server:
        for _ in range(5):
            found = fetched(server.base, WITHOUT, seconds=0.6, pace=Late(), pause_after=2)
            assert reasons(found) == {"fetch-timeout"}


# One end for the whole call


@pytest.mark.loopback
@pytest.mark.parametrize(("left", "least", "most"), [(0.3, 0.2, 1.2), (30.0, 0.5, 1.6), (-1.0, 0.0, 0.4)])
def test_the_end_of_the_call_is_the_end_of_its_questions(left: float, least: float, most: float) -> None:
    with served(silent) as server:
        started = time.monotonic()
        found = fetched(server.base, WITHOUT, seconds=0.6, until=started + left)
        spent = time.monotonic() - started
    assert reasons(found) == {"fetch-timeout"}
    assert least <= spent < most


@pytest.mark.loopback
def test_the_whole_call_is_judged_by_its_end(library: Library) -> None:
    person = next(person.request for person in PEOPLE if person.name == "ada")
    with served(silent) as server:
        call = read_request(encoded(asking(person, server.base, {"conditions"})), person["hook"])
        options = ClientOptions(shows_drafts=True, fhir_bases=(FhirBase(server.base, private=True, plain_http=True),))
        started = time.monotonic()
        reading = judge(call, options, library, NOW, UUID(int=1), "a", Pace(started + 1.0))
        spent = time.monotonic() - started
    assert reading.gathered.unfetched == ["fetch-timeout"]
    assert spent < options.fhir_rules.seconds


# Nothing of it says more than it must


@pytest.mark.loopback
def test_operators_see_what_is_left_alone_and_no_patient(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    person = next(person.request for person in PEOPLE if person.name == "ada")
    settings = {"CDS_FHIR_TIMEOUT_SECONDS": "0.3", "CDS_FHIR_PAUSE_AFTER": "1", "CDS_FHIR_PAUSE_SECONDS": "60"}
    with served(silent) as server, service_that_asks(server.base, library, tmp_path, NOW, **settings) as client:
        call = asking(person, server.base, {"conditions"})
        assert "reported" not in client.get("/readyz?verbose").get_json()
        cards = [told(client, call) for _ in range(2)]
        said = client.get("/readyz?verbose").get_json()["reported"]
        base = server.base
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["unfetched"] for line in lines if "unfetched" in line] == [["fetch-timeout"], ["fetch-paused"]]
    assert len(said) == 1
    assert re.fullmatch(
        f"fhir: {base} of sandbox did not answer 1 call in a row, left alone for (59|60) s more", said[0]
    )
    assert "left alone for a while" in json.dumps(cards[1])
    assert person["context"]["patientId"] not in json.dumps([lines, said]) + caplog.text
