"""Alert burden: what is counted over a population, and how the command says it."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cds_service import service
from cds_service.cli import main
from cds_service.knowledge.library import Library
from cds_service.simulation import burden as counting
from cds_service.simulation.burden import Answered, Asking, answer, busy, measure, summary
from cds_service.simulation.calls import noon
from cds_service.simulation.fixtures import Fixture
from cds_service.simulation.populations import Case, Place, patients_of
from tests.fixtures.people import NOW, PEOPLE, QUIET

HERE = Place(Path("x.json"), 1)
FIRING = "ada"
# Quiet in their own call only: Elsa takes a thiazide (here it is ordered anew), Iris has cramps (here her chart is opened).
SILENT = sorted(QUIET - {"elsa", "iris"})
Json = dict[str, Any]


def bundle_of(person: Fixture) -> Json:
    """A synthetic patient as a Bundle whose drafts are orders in force."""
    prefetch, context = person.request["prefetch"], person.request["context"]
    held = [{"resource": prefetch["patient"]}]
    for value in prefetch.values():
        held += value.get("entry", []) if isinstance(value, dict) else []
    drafts = context.get("draftOrders", {}).get("entry", [])
    held += [{"resource": {**entry["resource"], "status": "active"}} for entry in drafts]
    return {"resourceType": "Bundle", "type": "collection", "entry": held}


def person(name: str) -> Fixture:
    return next(one for one in PEOPLE if one.name == name)


def case(name: str) -> Case:
    (found,) = patients_of(bundle_of(person(name))["entry"], HERE)
    assert isinstance(found, Case)
    return found


@pytest.fixture(scope="module")
def asking(library: Library) -> Asking:
    return Asking(library, ("patient-view", "order-select"), "us", NOW.date(), NOW.date())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/ada.json").write_text(json.dumps(bundle_of(person(FIRING))))
    (tmp_path / "quiet.ndjson").write_text("\n".join(json.dumps(bundle_of(person(name))) for name in SILENT))
    (tmp_path / "README.md").write_text("x")
    return tmp_path


def run(*words: str, code: int = 0) -> tuple[str, str]:
    answered = CliRunner().invoke(main, ["burden", *words])
    assert answered.exit_code == code, answered.output
    return answered.stdout, answered.stderr


def test_findings_are_counted_by_card_and_level(asking: Asking) -> None:
    found = measure([case(FIRING)] * 2, asking)
    assert (found.patients, found.calls) == (2, {"patient-view": 2, "order-select": 2})
    row = next(row for row in counting.table(found) if row.card == "quinine-cramps" and row.hook == "order-select")
    assert (row.indicator, row.shown, row.calls, row.per_100_calls) == ("critical", 2, 2, 100.0)
    assert ("quinine-cramps", "order-select", 100.0) in busy(found)
    assert found.statuses == {200: 4}
    assert found.with_card >= 2


def test_people_with_nothing_of_ours_see_nothing(asking: Asking) -> None:
    found = measure([case(name) for name in SILENT], asking)
    assert found.patients == len(SILENT)
    assert (found.cards, found.shown) == (0, {})


def test_a_call_that_cannot_be_judged_or_read_is_counted(asking: Asking) -> None:
    request = {"hook": "patient-view", "hookInstance": "x", "context": {"userId": "Practitioner/1", "patientId": "p"}}
    assert answer(request, "patient-view", HERE, asking, NOW).status == 412
    assert answer({"hook": "patient-view"}, "patient-view", HERE, asking, NOW).status == 400


def test_an_error_of_ours_is_a_failure_with_its_place(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(service, "judge", broken)
    found = summary(measure([case(FIRING)], asking))
    assert found["statuses"] == {"500": 2}
    assert found["failures"][0] == {
        "status": 500, "failed": ["ZeroDivisionError"], "hook": "patient-view", "file": "x.json", "line": 1,
    }  # fmt: skip


def test_the_slowest_calls_are_kept_in_order() -> None:
    found = counting.Burden()
    for spent in (3.0, 9.0, 1.0, 7.0, 5.0, 8.0, 2.0):
        counting._count(Answered(HERE, "patient-view", 200, milliseconds=spent), found, frozenset())
    assert [one.milliseconds for one in found.slowest] == [9.0, 8.0, 7.0, 5.0, 3.0]


def test_a_history_of_long_ago_is_judged_as_of_its_own_end(library: Library) -> None:
    """Two years later every result is too old; with its own clock the patient is as on that day."""
    hooks, later = ("order-select",), date(NOW.year + 2, 11, 22)
    shown = [
        measure([case("bertie")], Asking(library, hooks, "us", as_of, later)).shown
        for as_of in (NOW.date(), None, later)
    ]
    assert shown[0] == shown[1] != shown[2]


# --- the command


def test_the_table_in_words(folder: Path) -> None:
    out, err = run(str(folder), "--as-of", NOW.date().isoformat())
    assert f"{len(SILENT) + 1} patients" in out
    assert "quinine-cramps" in out
    assert "critical" in out
    assert "slowest calls" in out
    assert "skipped, neither .json nor .ndjson" in err
    assert "README.md" in err


def test_as_json(folder: Path) -> None:
    found = json.loads(run(str(folder), "--json", "--hook", "order-select", "--as-of", "latest", "--region", "uk")[0])
    assert (found["region"], found["as_of"], found["patients"]) == ("uk", "latest", len(SILENT) + 1)
    assert set(found["calls"]) == {"order-select"}
    assert {row["indicator"] for row in found["by_card"] if row["card"] == "quinine-cramps"} == {"warning"}
    assert found["slowest"][0]["milliseconds"] > 0
    assert found["skipped"][0]["file"].endswith("README.md")
    assert found["failures"] == []


def test_as_a_sheet(folder: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "table.csv"
    run(str(folder / "sub"), "--csv", str(sheet))
    with sheet.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert "quinine-cramps" in {row["card"] for row in rows}
    assert set(rows[0]) == {"card", "indicator", "hook", "shown", "calls", "per_100_calls"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--as-of", "tomorrow"), 2, "neither a date"),
        (("--region", "fr"), 2, "not one of us, uk, de"),
        (("--hook", "order-dispatch"), 2, "order-dispatch"),
        (("--cards", "/nowhere"), 3, "not a folder of cards"),
        (("--csv", "/nowhere/x.csv"), 4, "cannot be written"),
    ],
)
def test_wrong_words_get_a_sentence(words: tuple[str, ...], code: int, said: str, folder: Path) -> None:
    assert said in run(str(folder), *words, code=code)[1]


def test_a_place_without_patients(tmp_path: Path) -> None:
    assert "does not exist" in run(str(tmp_path / "no"), code=4)[1]
    (tmp_path / "x.json").write_text("{")
    said = run(str(tmp_path), code=4)[1]
    assert "holds no patient" in said
    assert "not JSON" in said


def test_a_failure_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(service, "judge", broken)
    assert "failed: 500 ZeroDivisionError" in run(str(folder), code=1)[0]


def test_the_clock_is_noon(asking: Asking) -> None:
    assert noon(NOW.date()).hour == 12
