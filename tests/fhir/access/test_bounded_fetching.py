"""What is fetched is work with the bounds of what was sent: entries are counted, turns kept, time looked at."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cds_service.caller import FhirRules
from cds_service.chart import Section
from cds_service.fhir import Gathered, pages
from cds_service.fhir.decode import Delivered, deliver
from cds_service.fhir.guard import guard
from cds_service.hooks import read_request
from cds_service.pace import OutOfTime, Pace, Turns
from tests.fhir.access.fhir_servers import Serve, Server, answer, fetched, served
from tests.fhir.access.test_faults import WITHOUT, silent
from tests.fhir.fhir_samples import condition, order, patient, prefetch, raw, result, searchset

pytestmark = pytest.mark.loopback

PAGES = 4
ON_A_PAGE = 10


def later(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


def serving_pages(server: Server, **members: Any) -> Serve:
    """Each search has four pages of ten conditions, whatever was asked for; each patient is there."""

    def serve(connection: socket.socket, path: str) -> None:
        if "/Patient" in path:
            answer(connection, json.dumps(patient()).encode())
            return
        number = int(path.rpartition("page=")[2]) if "page=" in path else 1
        link = [{"relation": "next", "url": f"{server.base}/Condition?page={number + 1}"}] if number < PAGES else []
        listed = [condition(f"c{number}-{place}", **members) for place in range(ON_A_PAGE)]
        answer(connection, json.dumps(searchset(*listed, link=link)).encode())

    return serve


def of_conditions(found: Gathered) -> tuple[str, int, list[str]]:
    """What the section came to: its state, how many resources, which reasons."""
    reasons = [gap.reason for gap in found.gaps if gap.section == "conditions"]
    return found.states["conditions"], len(found.resources["conditions"]), reasons


# How much one call may bring


@pytest.mark.parametrize(
    ("entries", "comes_to"),
    [
        (PAGES * ON_A_PAGE, ("read", 40, [])),
        (PAGES * ON_A_PAGE - 1, ("partial", 30, ["fetch-too-many"])),
        (ON_A_PAGE, ("partial", 10, ["fetch-too-many"])),
        (ON_A_PAGE - 1, ("unread", 0, ["fetch-too-many"])),
    ],
)
def test_pages_beyond_the_entries_of_a_call_are_left_out_and_said(
    entries: int, comes_to: tuple[str, int, list[str]]
) -> None:
    with served(silent) as server:
        server.serve = serving_pages(server)
        found = fetched(server.base, {"patient": patient(), **WITHOUT}, entries=entries + 1)  # one for the patient
    assert of_conditions(found) == comes_to
    assert found.unfetched == comes_to[2]
    if comes_to[2]:
        assert "there is more data than one call may bring" in found.gaps[0].detail


def test_what_was_sent_counts_too() -> None:
    sent = prefetch(conditions=..., observations=searchset(*[result(f"o{place}") for place in range(15)]))
    drafts = searchset(*[order(f"d{place}", status="draft") for place in range(5)])
    with served(silent) as server:
        server.serve = serving_pages(server)
        assert of_conditions(fetched(server.base, sent, drafts, entries=20 + 40)) == ("read", 40, [])
        one_less = fetched(server.base, sent, drafts, entries=20 + 39)
    assert of_conditions(one_less) == ("partial", 30, ["fetch-too-many"])
    assert len(one_less.resources["observations"]) == 15


def test_bytes_beyond_those_of_a_body_are_left_out_and_said() -> None:
    wide = {"note": [{"text": "x" * 10_000}]}
    with served(silent) as server:
        server.serve = serving_pages(server, **wide)
        found = fetched(server.base, {"patient": patient(), **WITHOUT}, bytes=250_000)
        nothing = fetched(server.base, {"patient": patient(), **WITHOUT}, bytes=50_000)
    assert of_conditions(found) == ("partial", 20, ["fetch-too-many"])
    assert of_conditions(nothing) == ("unread", 0, ["fetch-too-many"])


def test_all_searches_share_what_one_call_may_bring() -> None:
    with served(silent) as server:
        server.serve = serving_pages(server)
        found = fetched(server.base, {}, entries=45)
    assert "fetch-too-many" in found.unfetched
    assert sum(len(resources) for resources in found.resources.values()) <= 45


def test_a_few_entries_of_very_many_objects_count_as_many() -> None:
    wide = {"note": [{"text": "x"}] * 500}
    with served(silent) as server:
        server.serve = serving_pages(server, **wide)
        found = fetched(server.base, WITHOUT, entries=500)
    assert of_conditions(found) == ("partial", 20, ["fetch-too-many"])


def test_a_page_that_the_client_sent_is_counted_once() -> None:
    with served(silent) as server:
        server.serve = serving_pages(server)
        link = [{"relation": "next", "url": f"{server.base}/Condition?page=2"}]
        sent = searchset(*[condition(f"c{place}") for place in range(10)], link=link)
        found = fetched(server.base, prefetch(conditions=sent), entries=1 + 40)
    assert of_conditions(found) == ("read", 40, [])


# Whose turn it is


def test_calls_wait_together_and_decode_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, calls, all_ask = Turns(1), 4, threading.Barrier(4)
    decoding, most, free = [0], [0], list[bool]()

    def watched(*args: Any) -> Delivered:
        free.append(turns.take(0))
        decoding[0] += 1
        most[0] = max(most[0], decoding[0])
        time.sleep(0.002)
        decoding[0] -= 1
        return deliver(*args)

    monkeypatch.setattr(pages, "deliver", watched)
    with served(silent) as server:
        serve = serving_pages(server)

        def together(connection: socket.socket, path: str) -> None:
            if "page=" not in path:
                all_ask.wait(20)  # no answer before every call has asked
            serve(connection, path)

        server.serve = together

        def call(_: int) -> Gathered:
            with Pace(later(), turns) as pace:
                return fetched(server.base, WITHOUT, pace=pace, seconds=20.0)

        with ThreadPoolExecutor(calls) as pool:
            found = list(pool.map(call, range(calls)))
    assert [of_conditions(each) for each in found] == [("read", 40, [])] * calls
    assert len(free) == calls * PAGES
    assert not any(free)
    assert most == [1]
    assert turns.take(0)


def test_a_neighbour_has_its_turn_between_two_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else a call has fetched: who waits in line waits for one page of it."""
    turns, events, began = Turns(1), list[str](), threading.Event()

    def neighbour() -> None:
        with Pace(later(), turns):
            events.append("neighbour")

    def long(found: Any, section: Section, check: Callable[[], None]) -> Delivered:
        worth = deliver(found, section, check)
        events.append("page")
        if not began.is_set():
            began.set()
            beside.start()
            while not turns.awaited():
                time.sleep(0.001)
        time.sleep(0.03)  # more than a turn
        return worth

    beside = threading.Thread(target=neighbour)
    monkeypatch.setattr(pages, "deliver", long)
    with served(silent) as server:
        server.serve = serving_pages(server)
        with Pace(later(), turns) as pace:
            fetched(server.base, WITHOUT, pace=pace)
    beside.join(20)
    assert events == ["page", "neighbour", "page", "page", "page"]


# When the time is over


class Counted(Pace):
    """Its time is over after so many checks."""

    def __init__(self, turns: Turns, checks: int) -> None:
        super().__init__(later(), turns)
        self.left = checks

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutOfTime
        super().check()


def free_places(rules: FhirRules) -> bool:
    """Whether no call holds a place, at the latest when its threads have ended."""
    end = later(10)
    while guard(rules).state():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def test_wherever_the_time_ends_no_place_and_no_turn_stays_taken() -> None:
    turns, rules = Turns(1), FhirRules(seconds=5.0, calls=1, calls_per_client=1)
    named = {"seconds": rules.seconds, "calls": 1, "calls_per_client": 1}
    with served(silent) as server:
        server.serve = serving_pages(server)
        with Counted(turns, 10_000) as whole:
            assert of_conditions(fetched(server.base, {}, pace=whole, **named)) == ("read", 40, [])
        used, ended = 10_000 - whole.left, 0
        assert used > 4 * PAGES * 2  # between the pages as they come, and as they are decoded
        for checks in range(1, used):
            try:
                with Counted(turns, checks) as pace:
                    fetched(server.base, {}, pace=pace, **named)
            except OutOfTime:
                ended += 1
            assert free_places(rules), checks
            assert turns.take(0), checks
            turns.give()
    assert ended > used / 2  # how often a call waits differs a little


def test_questions_under_way_are_cut_when_the_time_ends() -> None:
    cut, all_asked = threading.Semaphore(0), threading.Barrier(5)

    def serve(connection: socket.socket, path: str) -> None:
        all_asked.wait(20)
        if "/Patient" in path:
            answer(connection, json.dumps(patient()).encode())
        elif not connection.recv(1):
            cut.release()

    turns = Turns(1)
    with served(serve) as server:

        class Ends(Pace):
            def check(self) -> None:
                if len(server.asked) == 5:
                    raise OutOfTime

        with pytest.raises(OutOfTime), Ends(later(), turns) as pace:
            fetched(server.base, {}, pace=pace, seconds=60.0)
        assert all(cut.acquire(timeout=5) for _ in range(4))
    assert free_places(FhirRules(seconds=60.0))


def test_entries_are_counted_as_those_of_a_body_are() -> None:
    listed = [condition(f"c{place}") for place in range(30)]
    call = {"hook": "patient-view", "hookInstance": "x", "context": {"patientId": "p1", "userId": "Patient/p1"}}
    body = json.dumps({**call, "prefetch": {"conditions": searchset(*listed)}}).encode() + b" " * 1000
    assert read_request(body, "patient-view", max_entries=30).patient_id == "p1"
    room = pages.Room(30, 1_000_000, [])
    assert room.takes(bytes(raw(searchset(*listed))))
    assert not room.takes(bytes(raw(searchset(condition("c31")))))
