"""The log: one line for each request, and nothing in it that a patient could be known by."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from cds_service.web.log import FIELDS
from tests.http.conftest import Open
from tests.http.stub_service import Door

CALL = {
    "hook": "patient-view",
    "hookInstance": "x\n{}",
    "context": {"userId": "Practitioner/doctor-who", "patientId": "patient-zero"},
    "prefetch": {"patient": {"resourceType": "Patient", "name": [{"family": "Lovelace"}]}},
}
VIEW = "/cds-services/cramp-patient-view"


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_line_for_a_call(capsys: pytest.CaptureFixture[str], open_door: Open) -> None:
    response = open_door().client.post(VIEW + "?patient=patient-zero", json=CALL)
    (line,) = lines(capsys.readouterr().err)
    assert line["event"] == "request"
    assert line["level"] == "info"
    assert line["request_id"] == line["decision_id"] == response.headers["X-Request-Id"]
    assert (line["service"], line["status"], line["cards"], line["client"]) == ("cramp-patient-view", 200, 0, "sandbox")
    assert set(line) <= set(FIELDS)
    assert line["ms"] >= 0


def test_nothing_of_the_patient_is_logged(capsys: pytest.CaptureFixture[str], open_door: Open) -> None:
    door = open_door(CDS_LOG_LEVEL="debug")

    def crash(request: object, *_: object) -> None:
        raise KeyError(request.patient_id)

    door.client.post(VIEW, json=CALL)
    door.client.post(VIEW, json={**CALL, "hook": "patient-zero"})
    door.client.post("/cds-services/patient-zero", json=CALL)
    door.world.respond = crash
    door.client.post(VIEW, json=CALL)
    written = capsys.readouterr().err
    assert {line["status"] for line in lines(written) if "status" in line} == {200, 400, 404, 500}
    for word in ("patient-zero", "doctor-who", "Lovelace"):
        assert word not in written


def test_a_crash_names_its_kind_and_place(capsys: pytest.CaptureFixture[str], open_door: Open) -> None:
    door = open_door()
    door.world.respond = lambda *_: {}["secret"]
    door.client.post(VIEW, json=CALL)
    crash = lines(capsys.readouterr().err)[0]
    assert (crash["event"], crash["level"], crash["error"]) == ("crash", "error", "KeyError")
    assert any("test_log.py" in frame for frame in crash["frames"])


def test_facts_that_are_not_on_the_list_are_left_out(capsys: pytest.CaptureFixture[str], open_door: Open) -> None:
    door = open_door()

    class Answer:
        status, body, summary = 200, b'{"cards":[]}', {"cards": 2, "patient": "patient-zero"}

    door.world.respond = lambda *_: Answer()
    door.client.post(VIEW, json=CALL)
    written = capsys.readouterr().err
    assert lines(written)[0]["cards"] == 2
    assert "patient-zero" not in written


@pytest.mark.parametrize(("level", "count"), [("info", 0), ("debug", 1)])
def test_polling_is_quiet(capsys: pytest.CaptureFixture[str], open_door: Open, level: str, count: int) -> None:
    open_door(CDS_LOG_LEVEL=level).client.get("/livez")
    assert len(lines(capsys.readouterr().err)) == count


def test_text_for_a_terminal(capsys: pytest.CaptureFixture[str], open_door: Open) -> None:
    open_door(CDS_LOG_FORMAT="text").client.get("/version")
    assert "event='request'" in capsys.readouterr().err


def test_a_worker_never_loads_what_it_does_not_need(door: Door) -> None:
    script = "import cds_service.web.app, sys; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"rich", "jsonschema", "fhir", "sqlalchemy", "requests"} & set(loaded)
    assert "flask" in loaded


def test_a_method_of_the_callers_own_making_is_not_logged(capsys: pytest.CaptureFixture[str], door: Door) -> None:
    door.client.open(VIEW, method="JOHN-DOE")
    assert lines(capsys.readouterr().err)[0]["method"] == "OTHER"


def test_the_system_error_behind_a_refused_record_is_said(
    capsys: pytest.CaptureFixture[str], open_door: Open, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")
    door = open_door()
    door.world.respond = lambda *_: door.journal.write({"n": 1})
    assert door.client.post(VIEW, json=CALL).status_code == 503
    assert lines(capsys.readouterr().err)[0]["error"] == "JournalUnavailable: File exists"


def test_a_log_that_cannot_be_written_costs_no_answer(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stderr", Closed())
    assert door.client.post(VIEW, json=CALL).status_code == 200
