"""Discovery, services and feedback over HTTP: every status with its body and headers."""

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from io import BytesIO
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
import yaml
from fhir.resources.R4B.operationoutcome import OperationOutcome
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from cds_service.audit import JournalUnavailable, journal
from cds_service.folders import fixtures_folder
from cds_service.hooks import SERVICES, Refused, ResponseDefect
from cds_service.pace import OutOfTime, Pace
from tests.http.conftest import Open
from tests.http.stub_service import NOW, Door, StubAnswer

REQUESTS = fixtures_folder() / "requests"
INDEX: dict[str, dict[str, Any]] = yaml.safe_load((REQUESTS / "index.yaml").read_text(encoding="utf-8"))
SELECT = "/cds-services/cramp-order-select"
GOOD = {
    "hook": "order-select",
    "hookInstance": "6c1f0f4e-8f5e-4b1c-9a7d-000000000001",
    "context": {"userId": "Practitioner/1", "patientId": "p1", "draftOrders": {"resourceType": "Bundle"}},
}
FEEDBACK = {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-03-01T10:00:00Z"}]}


def diagnostics(response: TestResponse) -> str:
    """The sentence of an OperationOutcome; fails when the answer is none, or may be kept by anybody."""
    outcome = OperationOutcome.model_validate_json(response.data)
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    said = outcome.issue[0].diagnostics
    assert isinstance(said, str)
    assert response.headers["X-Request-Id"] in said
    return said


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        json.loads(files("cds_service.hooks").joinpath(f"schemas/{name}.schema.json").read_text())
    )


def test_a_call_reaches_the_service_with_all_it_needs(door: Door) -> None:
    response = door.client.post(SELECT, json=GOOD)
    assert (response.status_code, response.data) == (200, b'{"cards":[]}')
    request, caller, library, journal, now, decision_id, pace = door.world.calls[0]
    pace.check()
    assert (request.hook, request.patient_id, now, journal) == ("order-select", "p1", NOW, door.journal)
    assert library.version == "0.0.1"
    assert (caller.name, caller.options.shows_drafts, caller.options.region) == ("sandbox", True, "us")
    assert response.headers["X-Request-Id"] == str(decision_id)
    assert response.headers["Cache-Control"] == "no-store"
    assert UUID(response.headers["X-Request-Id"]).version == 4


def test_every_service_answers_its_own_hook_only(door: Door) -> None:
    for service, hook in SERVICES.items():
        for sent in SERVICES.values():
            response = door.client.post(f"/cds-services/{service}", json={**GOOD, "hook": sent})
            assert response.status_code == (200 if sent == hook else 400)


@pytest.mark.parametrize("name", [name for name in INDEX if name.startswith("hostile/")])
def test_hostile_files_get_the_promised_answer(door: Door, name: str) -> None:
    entry = INDEX[name]
    path = f"/cds-services/{entry['service']}" + ("/feedback" if entry.get("door") else "")
    headers = {"Content-Type": entry.get("content_type", "application/json"), **entry.get("headers", {})}
    if not headers["Content-Type"]:
        del headers["Content-Type"]
    response = door.client.post(path, data=(REQUESTS / name).read_bytes(), headers=headers)
    assert response.status_code == entry["status"], response.data
    if response.status_code >= 400:
        assert entry["says"] in diagnostics(response)
        assert not door.world.calls


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "application/fhir+json"])
def test_json_by_any_of_its_names(door: Door, media_type: str) -> None:
    response = door.client.post(SELECT, data=json.dumps(GOOD), content_type=media_type)
    assert response.status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", None])
@pytest.mark.parametrize("path", [SELECT, SELECT + "/feedback"])
def test_anything_else_is_415(door: Door, media_type: str | None, path: str) -> None:
    response = door.client.post(path, data=json.dumps(GOOD), content_type=media_type)
    assert response.status_code == 415
    assert "application/json is required" in diagnostics(response)


def test_an_announced_length_is_judged_unread(open_door: Open) -> None:
    door = open_door(CDS_MAX_BODY_BYTES="1048576")
    response = door.client.post(SELECT, data=b"x" * 1_048_577, content_type="application/json")
    assert response.status_code == 413
    assert "allowed are 1048576 bytes" in diagnostics(response)


def test_an_unannounced_length_is_judged_while_reading(open_door: Open) -> None:
    door = open_door(CDS_MAX_BODY_BYTES="1048576")
    stream = BytesIO(b" " * 3_000_000)
    response = door.client.post(
        SELECT,
        input_stream=stream,
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 413
    assert stream.tell() <= 1_200_000


def test_too_many_entries_are_413(open_door: Open) -> None:
    door = open_door(CDS_MAX_ENTRIES="10")
    call = {**GOOD, "prefetch": {"observations": {"entry": [{"resource": {}}] * 11}}}
    response = door.client.post(SELECT, json=call)
    assert response.status_code == 413
    assert "too many entries" in diagnostics(response)


@pytest.mark.parametrize(
    "path",
    [
        "/cds-services/unknown",
        "/cds-services/cramp-order-select/feedback/x",
        "/cds-services/..%2f..%2fetc%2fpasswd",
        "/cds-services/cds_service.web",
        "/cds-service",
        "/metrics",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_404(door: Door, path: str, method: str) -> None:
    response = door.client.open(path, method=method, json=GOOD)
    assert response.status_code == 404
    assert "/cds-services" in diagnostics(response)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/cds-services", "POST", "GET, HEAD, OPTIONS"),
        (SELECT, "GET", "OPTIONS, POST"),
        (SELECT, "PUT", "OPTIONS, POST"),
        (SELECT + "/feedback", "DELETE", "OPTIONS, POST"),
        ("/livez", "POST", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_405_and_says_which(door: Door, path: str, method: str, allowed: str) -> None:
    response = door.client.open(path, method=method, json=GOOD)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert allowed in diagnostics(response)


def test_what_cannot_be_evaluated_is_412(door: Door) -> None:
    def nothing(*_: object) -> StubAnswer:
        raise Refused(412, "Neither medications nor conditions were delivered.", "/prefetch")

    door.world.respond = nothing
    response = door.client.post(SELECT, json=GOOD)
    assert response.status_code == 412
    assert "/prefetch" in diagnostics(response)


@pytest.mark.parametrize(
    "error", [KeyError("Secret Name"), RecursionError(), ResponseDefect("Secret Name"), MemoryError()]
)
def test_a_crash_of_ours_is_500_without_internals(door: Door, error: Exception) -> None:
    def crash(*_: object) -> StubAnswer:
        raise error

    door.world.respond = crash
    response = door.client.post(SELECT, json=GOOD)
    assert response.status_code == 500
    said = diagnostics(response)
    assert "Secret" not in said
    assert type(error).__name__ not in said


@pytest.mark.parametrize("path", [SELECT, SELECT + "/feedback"])
def test_without_the_journal_nothing_leaves(door: Door, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object, **_until: object) -> StubAnswer:
        raise JournalUnavailable("the journal /secret/path cannot be written")

    door.world.respond = unavailable
    monkeypatch.setattr(door.journal, "write", unavailable)
    response = door.client.post(path, json=GOOD if path == SELECT else FEEDBACK)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "2"
    assert "secret" not in diagnostics(response)


@pytest.mark.parametrize("path", ["//cds-services//cramp-order-select", "/cds-services/cramp-order-select/"])
def test_slashes_are_forgiven_without_a_redirect(door: Door, path: str) -> None:
    assert door.client.post(SELECT, json=GOOD, environ_overrides={"PATH_INFO": path}).status_code == 200
    assert door.client.get("/cds-services/").status_code == 200


def test_a_base_path_may_be_there_or_cut_off(open_door: Open) -> None:
    door = open_door(CDS_BASE_URL="https://cds.example.org/cramp")
    for path in ("/cramp", "", "//cramp/"):
        inside = {"PATH_INFO": f"{path}{SELECT}"}
        assert door.client.post(SELECT, json=GOOD, environ_overrides=inside).status_code == 200
    assert door.client.get("/crampx/cds-services").status_code == 404
    assert door.client.get("/cramp").status_code == 200


def test_the_same_hook_instance_again_is_answered_again(door: Door) -> None:
    ids = {door.client.post(SELECT, json=GOOD).headers["X-Request-Id"] for _ in range(3)}
    assert len(ids) == 3


def test_discovery_is_valid_and_the_same_for_people_and_machines(door: Door) -> None:
    compact = door.client.get("/cds-services", headers={"Accept": "*/*"})
    indented = door.client.get("/cds-services", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    schema("discovery").validate(compact.json)
    assert compact.json == indented.json
    assert b"\n" not in compact.data
    assert b"\n  " in indented.data
    assert {service["id"]: service["hook"] for service in compact.json["services"]} == dict(SERVICES)
    assert compact.json["services"][0]["prefetch"]["observations"].count("http://lab.example.org|") == 2


def test_discovery_is_not_sent_twice(door: Door) -> None:
    etag = door.client.get("/cds-services").headers["ETag"]
    again = door.client.get("/cds-services", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert "Accept" in again.headers["Vary"]


@pytest.mark.parametrize("service", list(SERVICES))
def test_feedback_is_taken(door: Door, service: str) -> None:
    response = door.client.post(f"/cds-services/{service}/feedback", json=FEEDBACK)
    assert (response.status_code, response.data) == (204, b"")
    taken = door.world.feedback[0]
    assert (taken[0], len(taken[1]), taken[3]) == (service, 1, NOW)


@pytest.mark.parametrize("name", [name for name in INDEX if name.startswith("odd/feedback")])
def test_odd_feedback_is_taken(door: Door, name: str) -> None:
    body = (REQUESTS / name).read_bytes()
    response = door.client.post(SELECT + "/feedback", data=body, content_type="application/json")
    assert response.status_code == 204
    schema("feedback").validate(json.loads(body))


def test_a_body_in_the_smallest_pieces_is_put_together(door: Door) -> None:
    class Dripping(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 1, 1))

    response = door.client.post(
        SELECT,
        input_stream=Dripping(json.dumps(GOOD).encode()),
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 200


def test_a_method_of_the_callers_own_making_is_not_repeated(door: Door) -> None:
    response = door.client.open(SELECT, method="JOHN-DOE")
    assert response.status_code == 405
    assert "JOHN" not in response.text
    assert "The method PUT is" in diagnostics(door.client.put(SELECT))


def test_time_that_is_over_is_said_as_503_and_the_service_goes_on(open_door: Open) -> None:
    door = open_door(CDS_CALL_SECONDS="0.5")

    def respond(*arguments: object) -> None:
        pace = arguments[-1]
        assert isinstance(pace, Pace)
        assert 0 < pace.until - monotonic() <= 0.5
        raise OutOfTime

    usual, door.world.respond = door.world.respond, respond
    answer = door.client.post(SELECT, json=GOOD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.json["issue"][0]["code"] == "transient"
    assert "nothing was checked" in answer.json["issue"][0]["diagnostics"]
    door.world.respond = usual
    assert door.client.post(SELECT, json=GOOD).status_code == 200


@pytest.mark.parametrize("path", [SELECT, SELECT + "/feedback"])
def test_a_hanging_disk_holds_no_call_beyond_its_time(
    open_door: Open, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = open_door(CDS_CALL_SECONDS="0.5")
    asked, answers = Event(), Event()

    def sync(_descriptor: int) -> None:
        asked.set()
        answers.wait(30)

    def respond(*arguments: Any) -> StubAnswer:
        door.journal.write({"kind": "decision"}, until=arguments[-1].until)
        return StubAnswer()

    def posted() -> TestResponse:
        return app.test_client().post(path, json=GOOD if path == SELECT else FEEDBACK)

    app, door.world.respond = door.client.application, respond
    monkeypatch.setattr(journal, "_sync", sync)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(posted)
        assert asked.wait(5)
        start = monotonic()
        late = posted()
        assert 0.3 < monotonic() - start < 3
        answers.set()
        for answer in (late, held.result(5)):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
            assert "could not be recorded" in diagnostics(answer)
    assert posted().status_code in {200, 204}
