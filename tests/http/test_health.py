"""State, version, description and landing page."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import yaml

from cds_service import __version__
from cds_service.audit import journal
from cds_service.folders import openapi_file
from cds_service.web import readiness
from cds_service.web.readiness import Readiness, Verdict
from tests.http.conftest import Open
from tests.http.stub_service import Door


def test_alive_says_so(door: Door) -> None:
    for path in ("/livez", "/healthz"):
        assert door.client.get(path).json == {"status": "alive"}


def test_ready_when_nothing_fails(door: Door) -> None:
    assert door.client.get("/readyz").json == {"status": "ready"}
    assert door.client.get("/readyz?verbose").json["passed"] == ["journal", "library", "canary"]


def test_a_failing_canary_is_unready_and_said_on_request(door: Door) -> None:
    door.world.ready = lambda: [("canary", "the canary patient got no card")]
    quiet, verbose = door.client.get("/readyz"), door.client.get("/readyz?verbose")
    assert quiet.status_code == verbose.status_code == 503
    assert "got no card" not in quiet.text
    assert "got no card" in verbose.text
    assert quiet.headers["Retry-After"]


def test_unready_when_records_cannot_be_kept(open_door: Open, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")
    response = open_door().client.get("/readyz?verbose")
    assert response.status_code == 503
    assert "journal" in response.text


def test_version_counts_the_cards(door: Door) -> None:
    version = door.client.get("/version").json
    assert version["engine"] == __version__
    assert version["library"] == {"version": "0.0.1", "revision": "0" * 64}
    assert version["cards"] == {"active": 1, "draft": 2}


def test_the_landing_page_warns_and_needs_no_script(open_door: Open) -> None:
    response = open_door(CDS_BASE_URL="https://cds.example.org/a'b").client.get("/")
    assert "synthetic data only, not for clinical use" in response.text
    assert "<script" not in response.text
    assert "a'b" not in response.text
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("path", ["/", "/livez", "/cds-services", "/nowhere"])
def test_every_answer_carries_its_number(door: Door, path: str) -> None:
    response = door.client.get(path)
    assert response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_description_names_every_route_and_method(open_door: Open) -> None:
    door = open_door(CDS_BASE_URL="https://cds.example.org/cramp")
    served = msgspec.json.decode(door.client.get("/openapi.json").data)
    assert served["servers"] == [{"url": "https://cds.example.org/cramp"}]
    described = {(path, method.upper()) for path, item in served["paths"].items() for method in item}
    routes = {
        (rule.rule, method)
        for rule in door.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert described == routes


def test_the_description_has_the_version_and_the_limits_of_the_engine() -> None:
    description = yaml.safe_load(openapi_file().read_text(encoding="utf-8"))
    assert description["info"]["version"] == __version__
    statuses = {
        status
        for item in description["paths"].values()
        for operation in item.values()
        for status in operation["responses"]
    }
    assert statuses == {"200", "204", "304", "400", "401", "412", "413", "415", "429", "500", "503"}


# --- one look at a time


class Check:
    """A check that ends when told, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun, self.failing = 0, list[tuple[str, str]]()
        self.asked, self.ends = threading.Event(), threading.Event()
        self.ends.set()

    def __call__(self) -> list[tuple[str, str]]:
        self.begun += 1
        self.asked.set()
        assert self.ends.wait(30)
        return self.failing

    @contextmanager
    def held(self, looks: Readiness) -> Iterator[None]:
        """Somebody's look is under way."""
        self.asked.clear()
        self.ends.clear()
        with ThreadPoolExecutor(1) as pool:
            try:
                pool.submit(looks.verdict)
                assert self.asked.wait(5)
                yield
            finally:
                self.ends.set()


def test_while_one_looks_the_others_hear_what_was_found_last() -> None:
    check = Check()
    looks = Readiness([("journal", check)])
    assert looks.verdict() == Verdict([])
    with check.held(looks):
        heard = [looks.verdict() for _ in range(20)]
    assert all(not verdict.failing and 0 <= verdict.seconds_ago < 5 for verdict in heard)
    assert check.begun == 2
    check.failing = [("journal", "full")]
    assert looks.verdict().failing == [("journal", "full")]
    with check.held(looks):
        assert looks.verdict().failing == [("journal", "full")]
    check.failing = []
    assert looks.verdict() == Verdict([])


def test_before_anything_was_found_nothing_is_said_to_be_well() -> None:
    check = Check()
    looks = Readiness([("journal", check)])
    with check.held(looks):
        assert looks.verdict().failing == [("journal", "the first check for a while is under way")]


def test_what_was_found_long_ago_is_not_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    check = Check()
    looks = Readiness([("journal", check)])
    assert looks.verdict() == Verdict([])
    monkeypatch.setattr(readiness, "_KEPT_SECONDS", 0.05)
    time.sleep(0.1)
    with check.held(looks):
        assert looks.verdict().failing == [("journal", "the first check for a while is under way")]
    assert looks.verdict() == Verdict([])
    assert looks.verdict() == Verdict([])


def test_a_check_that_does_not_end_makes_it_unready_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_LOOK_SECONDS", 0.1)
    check = Check()
    looks = Readiness([("journal", tuple), ("canary", check)])
    assert looks.verdict() == Verdict([])
    with check.held(looks):
        time.sleep(0.2)
        ((name, sentence),) = looks.verdict().failing
    assert (name, sentence) == ("canary", "the check has not ended for 0 s")
    assert looks.verdict() == Verdict([])


def test_ten_probes_of_a_hanging_disk_cost_one_thread(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = threading.Event(), threading.Event()

    def sync(_descriptor: int) -> None:
        asked.set()
        answers.wait(30)

    assert door.client.get("/readyz").status_code == 200
    monkeypatch.setattr(journal, "_sync", sync)
    monkeypatch.setattr(readiness, "_LOOK_SECONDS", 0.1)
    app = door.client.application
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: app.test_client().get("/readyz"))
        assert asked.wait(5)
        time.sleep(0.2)
        start = time.monotonic()
        others = [app.test_client().get("/readyz?verbose") for _ in range(10)]
        assert time.monotonic() - start < 1
        assert not first.done()
        answers.set()
        assert first.result(5).status_code == 200
    assert {other.status_code for other in others} == {503}
    assert "journal: the check has not ended" in others[0].text
    assert door.client.get("/readyz").status_code == 200
