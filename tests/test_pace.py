"""The time and the turns of a call: few compute at a time, none longer than it may, and a call that is late has no record."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from uuid import uuid4

import pytest

from cds_service import hooks, service
from cds_service.audit import Journal, tail
from cds_service.caller import Caller, ClientOptions, FhirBase, FhirRules
from cds_service.hooks import HookRequest
from cds_service.knowledge.library import Library
from cds_service.pace import OutOfTime, Pace, Turns
from tests.fhir.access.fhir_servers import TOKEN, served
from tests.test_record import CALL, NOW

OPTIONS = ClientOptions(shows_drafts=True)


def request() -> HookRequest:
    return hooks.read_request(json.dumps(CALL).encode(), "order-sign")


def later(seconds: float = 60.0) -> float:
    return monotonic() + seconds


class Counted(Pace):
    """Its time is over after so many checks."""

    def __init__(self, checks: int) -> None:
        super().__init__()
        self.left = checks

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutOfTime


def test_only_so_many_compute_at_a_time() -> None:
    turns, computing, most = Turns(2), [0], [0]
    lock = threading.Lock()

    def compute(_: int) -> None:
        with Pace(later(), turns):
            with lock:
                computing[0] += 1
                most[0] = max(most[0], computing[0])
            sleep(0.005)
            with lock:
                computing[0] -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(compute, range(40)))
    assert most == [2]


def test_who_waits_for_something_else_lets_others_compute() -> None:
    turns = Turns(1)
    one, other = Pace(later(), turns), Pace(later(5), turns)
    with one:
        with one.waiting(), other:
            pass
        assert not turns.take(0)
    assert turns.take(0)


def test_a_turn_that_does_not_come_in_time_ends_the_call_and_no_turn_is_lost_or_won() -> None:
    turns = Turns(1)
    late = Pace(later(0.05), turns)
    with Pace(later(), turns), pytest.raises(OutOfTime), late:
        pass
    back = Pace(later(0.05), turns)
    with pytest.raises(OutOfTime), back, back.waiting():
        turns.take(1)
    turns.give()
    assert [turns.take(0) for _ in range(2)] == [True, False]


def test_who_computes_for_long_steps_back_in_line() -> None:
    """A call that needs a hundred turns' time does not keep a short one waiting for all of it."""
    turns, over, done = Turns(1), threading.Event(), list[str]()

    def long() -> None:
        with Pace(later(), turns) as pace:
            while not over.is_set():
                sleep(0.005)
                pace.check()
        done.append("long")

    def short(name: str) -> None:
        with Pace(later(), turns):
            done.append(name)

    with ThreadPoolExecutor(3) as pool:
        dear = pool.submit(long)
        for name in ("first", "second"):
            pool.submit(short, name).result(30)
        over.set()
        dear.result(30)
    assert done == ["first", "second", "long"]
    assert turns.take(0)


def test_a_turn_is_given_in_the_order_of_the_line_and_never_to_two() -> None:
    turns, order = Turns(1), list[int]()
    assert turns.take(0)

    def wait(place: int) -> None:
        assert turns.take(30)
        order.append(place)
        turns.give()

    with ThreadPoolExecutor(5) as pool:
        for place in range(5):
            pool.submit(wait, place)
            while turns.awaited() <= place:
                sleep(0.001)
        turns.give()
    assert order == [0, 1, 2, 3, 4]
    assert not turns.awaited()
    assert [turns.take(0), turns.take(0)] == [True, False]


def test_wherever_the_time_ends_there_is_no_decision_and_no_record(tmp_path: Path, library: Library) -> None:
    """Also inside a card, whose own failures are skipped."""
    whole = Counted(100_000)
    journal = Journal(tmp_path)
    service.respond(request(), Caller("x", OPTIONS), library, journal, NOW, uuid4(), whole)
    used = 100_000 - whole.left
    assert used > 12  # between resources, orders and cards
    for checks in range(used):
        with pytest.raises(OutOfTime):
            service.respond(request(), Caller("x", OPTIONS), library, journal, NOW, uuid4(), Counted(checks))
    journal.close()
    assert len(tail(tmp_path, 1000).records) == 1


def test_the_time_is_looked_at_before_the_chart_is_read(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "read_chart", lambda *_: pytest.fail("the chart was read"))
    for checks in range(5):  # between what was delivered under each key
        with pytest.raises(OutOfTime):
            service.judge(request(), OPTIONS, library, NOW, uuid4(), "", Counted(checks))


@pytest.mark.loopback
def test_a_fhir_server_gets_what_is_left_of_the_time(tmp_path: Path, library: Library) -> None:
    over, turns, free = threading.Event(), Turns(1), list[bool]()

    def silent(_connection: object, _path: str) -> None:
        free.append(turns.take(0.5))
        turns.give()
        over.wait(10)

    with served(silent) as server:
        options = ClientOptions(
            shows_drafts=True, fhir_bases=(FhirBase(server.base, True, True),), fhir_rules=FhirRules(9.0)
        )
        access = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
        call = {**CALL, "prefetch": {}, "fhirServer": server.base, "fhirAuthorization": access}
        asked = hooks.read_request(json.dumps(call).encode(), "order-sign")
        start = monotonic()
        with Pace(start + 1.2, turns) as pace:
            reading = service.judge(asked, options, library, NOW, uuid4(), "", pace)
        spent = monotonic() - start
        over.set()
    assert set(free) == {True}  # another could compute meanwhile
    assert "fetch-timeout" in {gap.reason for gap in reading.gathered.gaps}
    assert spent < 1.2


def test_the_record_says_what_was_unusual_about_a_call(tmp_path: Path, library: Library) -> None:
    journal = Journal(tmp_path)
    agreed = ClientOptions(shows_drafts=True, fhir_bases=(FhirBase("https://ehr.example.org/fhir"),))
    for server in ("https://EHR.example.org/fhir/", "https://evil.example.org/secret/fhir"):
        access = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}
        asked = hooks.read_request(
            json.dumps({**CALL, "fhirServer": server, "fhirAuthorization": access}).encode(), "order-sign"
        )
        prefetched = {key: value for key, value in asked.prefetch.items() if key in service.SECTION_WORDS}
        assert prefetched
        repeats = server.startswith("https://evil")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(service, "fhir_source", lambda *_: None)  # nothing is asked here
            service.respond(asked, Caller("x", agreed, repeats), library, journal, NOW, uuid4())
    journal.close()
    good, bad = tail(tmp_path, 2).records
    assert service.NOTE_SERVER not in good["notes"]
    assert "repeat" not in good
    assert service.NOTE_SERVER in bad["notes"]
    assert bad["repeat"] is True
    assert not any(word in json.dumps(bad) for word in ("evil", "secret/fhir", TOKEN))
