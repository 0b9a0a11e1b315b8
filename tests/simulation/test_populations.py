"""Files of patients are taken apart patient by patient, whatever they hold; calls are made as an EHR would."""

import gzip
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service.simulation.calls import call, day_after, noon
from cds_service.simulation.populations import Case, Place, Skipped, cases, patients_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HERE = Place(Path("x.json"), 1)
Json = dict[str, Any]


def bundle(*resources: Json) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def patient(name: str) -> Json:
    return {"resourceType": "Patient", "id": name}


def order(name: str, subject: str, **more: Any) -> Json:
    resource = {"resourceType": "MedicationRequest", "id": name, "status": "active", "intent": "order"}
    return {**resource, "subject": {"reference": subject}, **more}


def entries(*resources: Json) -> list[Json]:
    return [{"resource": resource} for resource in resources]


def only_case(*found: Case | Skipped) -> Case:
    (case,) = found
    assert isinstance(case, Case)
    return case


def names(case: Case) -> list[str]:
    return [str(entry["resource"].get("id")) for entry in case.entries]


def write(path: Path, *contents: object) -> None:
    text = "\n".join(map(json.dumps, contents)).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if path.name.endswith(".gz") else text)


# --- files


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "deep/er/a.ndjson", "A.NDJSON.gz"])
def test_a_bundle_is_found_in_every_kind_of_file(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, bundle(patient("p")))
    assert only_case(*cases(tmp_path)) == only_case(*cases(tmp_path / name))


def test_each_line_of_an_ndjson_file_is_a_case_with_its_place(tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson", bundle(patient("p")), bundle(patient("q")))
    found = list(cases(tmp_path))
    assert [(one.place.line, one.patient) for one in found if isinstance(one, Case)] == [(1, "p"), (2, "q")]
    assert str(found[1].place).endswith("a.ndjson:2")


def test_bundles_inside_bundles_are_opened(tmp_path: Path) -> None:
    write(tmp_path / "a.json", bundle(bundle(patient("p")), bundle(order("o", "Patient/p"), bundle(patient("q")))))
    found = {case.patient: names(case) for case in cases(tmp_path) if isinstance(case, Case)}
    assert found == {"p": ["p", "o"], "q": ["q"]}


def test_a_bulk_export_is_put_together_folder_by_folder(tmp_path: Path) -> None:
    write(tmp_path / "one/Patient.ndjson", patient("p"), patient("q"))
    write(tmp_path / "one/MedicationRequest.ndjson.gz", order("o", "Patient/q"))
    write(tmp_path / "two/Patient.ndjson", patient("q"))
    found = [(case.patient, names(case)) for case in cases(tmp_path) if isinstance(case, Case)]
    assert found == [("p", ["p"]), ("q", ["q", "o"]), ("q", ["q"])]


def test_what_holds_no_patient_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "broken.json").write_text("{,}")
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b'{"resourceType": "Bundle"}')[:-9])
    (tmp_path / "no.json.gz").write_text("not packed")
    write(tmp_path / "else.json", {"hook": "patient-view"})
    write(tmp_path / "nobody.json", bundle(order("o", "Patient/p")))
    found = {one.place.file.name: one.reason for one in cases(tmp_path) if isinstance(one, Skipped)}
    assert found == {
        "README.md": "neither .json nor .ndjson (or these as .gz)",
        "broken.json": "not JSON",
        "cut.json.gz": "cannot be read (EOFError)",
        "no.json.gz": "cannot be read (BadGzipFile)",
        "else.json": "not a FHIR resource",
        "nobody.json": "no Patient with an id or a full URL",
    }


def test_odd_entries_do_not_matter(tmp_path: Path) -> None:
    odd = {"resourceType": "Bundle", "entry": [None, 3, {}, {"resource": None}, {"resource": patient("p")}]}
    write(tmp_path / "a.ndjson", odd, {"resourceType": "Bundle", "entry": {"resource": patient("q")}})
    assert [one.patient for one in cases(tmp_path) if isinstance(one, Case)] == ["p", "q"]


def test_the_reader_says_how_far_it_is(tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson.gz", *[bundle(patient(f"p{number}")) for number in range(50)])
    write(tmp_path / "b.json", bundle(patient("q")))
    read: list[int] = []
    assert len(list(cases(tmp_path, read.append))) == 51
    assert sum(read) == sum(file.stat().st_size for file in tmp_path.iterdir())


# --- patients


@pytest.mark.parametrize(
    "subject", ["Patient/p", "p", "urn:uuid:p", "https://ehr.example.org/fhir/Patient/p", "Patient/p/_history/3"]
)
def test_a_patient_is_pointed_to_in_every_form(subject: str) -> None:
    case = only_case(*patients_of(entries(patient("p"), order("o", subject)), HERE))
    assert names(case) == ["p", "o"]


def test_a_patient_without_id_is_known_by_its_full_url() -> None:
    nameless = {"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient"}}
    case = only_case(*patients_of([nameless, *entries(order("o", "urn:uuid:p"))], HERE))
    assert (case.patient, len(case.entries)) == ("urn:uuid:p", 2)


def test_several_patients_get_only_their_own() -> None:
    mine = order("o", "Patient/p", medicationReference={"reference": "Medication/m"})
    held = entries(
        patient("p"), patient("q"), mine, order("g", "Group/p"), {"resourceType": "Observation", "id": "nobodys"},
        {"resourceType": "Medication", "id": "m"}, {"resourceType": "Medication", "id": "other"},
    )  # fmt: skip
    found = {case.patient: names(case) for case in patients_of(held, HERE) if isinstance(case, Case)}
    assert found == {"p": ["p", "o", "m"], "q": ["q"]}


def test_a_patient_alone_keeps_what_names_nobody_but_not_strangers() -> None:
    held = entries(patient("p"), {"resourceType": "Observation", "id": "nobodys"}, order("o", "Patient/stranger"))
    assert names(only_case(*patients_of(held, HERE))) == ["p", "nobodys"]


def test_a_patient_delivered_twice_is_one() -> None:
    assert names(only_case(*patients_of(entries(patient("p"), patient("p")), HERE))) == ["p"]


# --- calls


def test_an_order_hook_is_about_the_active_orders_written_now() -> None:
    held = entries(patient("p"), order("o", "Patient/p", authoredOn="2019-01-01"), order("s", "Patient/p", status="x"))
    request = call("order-select", Case(HERE, "p", tuple(held)), NOW)
    assert request is not None
    (draft,) = request["context"]["draftOrders"]["entry"]
    assert (draft["resource"]["status"], draft["resource"]["authoredOn"][:10]) == ("draft", "2026-06-15")
    assert request["context"]["selections"] == ["MedicationRequest/o"]
    assert held[1]["resource"]["status"] == "active"


def test_nothing_to_order_is_no_call() -> None:
    alone = Case(HERE, "p", tuple(entries(patient("p"))))
    assert call("order-select", alone, NOW) is None
    assert call("order-sign", alone, NOW) is None
    assert call("patient-view", alone, NOW) is not None


def test_a_medication_without_an_order_is_no_answer_to_the_search_for_orders() -> None:
    request = call("patient-view", Case(HERE, "p", tuple(entries(patient("p"), {"resourceType": "Medication"}))), NOW)
    assert request is not None
    assert request["prefetch"]["medications"]["entry"] == []


@pytest.mark.parametrize(
    ("resource", "day"),
    [
        ({"authoredOn": "2019-05-01T10:00:00Z", "issued": "2019-05-03"}, date(2019, 5, 4)),
        ({"period": {"start": "2019-05-01", "end": "2025-01-01"}}, date(2019, 5, 2)),
        ({"authoredOn": "2031-01-01", "issued": "2019-05-03"}, date(2019, 5, 4)),
        ({"birthDate": "1950-01-01", "authoredOn": "2019", "issued": "${DATE}", "date": "2019-13-01"}, NOW.date()),
        ({"authoredOn": 7}, NOW.date()),
    ],
)
def test_the_day_after_the_newest_date(resource: Json, day: date) -> None:
    assert day_after(entries(resource), NOW.date()) == day


def test_noon() -> None:
    assert noon(NOW.date()) == NOW
