"""Patients of many origins, beside this repository: reading them never raises, and finds what is there."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.chart import Chart
from cds_service.fhir import gather, read_chart
from cds_service.hooks import HookRequest
from tests.conftest import PATIENTS
from tests.fhir.fhir_samples import NEEDS, NOW, raw, terms

ORIGINS = sorted(path.name for path in PATIENTS.glob("*/")) if PATIENTS.is_dir() else []
TYPES = {
    "patient": {"Patient"},
    "medications": {"MedicationRequest", "MedicationStatement", "Medication"},
    "observations": {"Observation", "DiagnosticReport"},
    "conditions": {"Condition"},
    "allergies": {"AllergyIntolerance"},
}
pytestmark = [
    pytest.mark.patients,
    pytest.mark.skipif(not ORIGINS, reason="the shared patients are not here (SHARED_PATIENTS)"),
]


def bundles(origin: str) -> Iterator[dict[str, Any]]:
    for path in sorted((PATIENTS / origin).glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            yield from map(json.loads, lines if path.name.endswith("ndjson.gz") else [lines.read()])


def entries(bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in bundle.get("entry") or ():
        resource = (entry or {}).get("resource") or {}
        if resource.get("resourceType") == "Bundle":
            yield from entries(resource)
        elif resource:
            yield entry


def patient_id(found: list[dict[str, Any]]) -> str:
    for entry in found:
        if entry["resource"]["resourceType"] == "Patient":
            return str(entry["resource"].get("id") or entry.get("fullUrl"))
    return "nobody"


def read(patient: str, prefetch: dict[str, Any], drafts: Any, hook: str) -> Chart:
    call = HookRequest(hook, "x", patient, "", "", None, drafts, prefetch, None, ())
    return read_chart(call, gather(call, NEEDS), terms(), NOW)


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_patient_is_read(origin: str) -> None:
    found: Counter[str] = Counter()
    for bundle in bundles(origin):
        held = list(entries(bundle))
        patient = patient_id(held)
        split = {
            key: raw({"resourceType": "Bundle", "entry": [e for e in held if e["resource"]["resourceType"] in types]})
            for key, types in TYPES.items()
        }
        chart = read(patient, split, split["medications"], "order-sign")
        if any(entry["resource"]["resourceType"] in ("MedicationRequest", "Condition") for entry in held):
            found.update(medications=len(chart.medications), problems=len(chart.problems))
            found.update(not_assessed=sum(chart.not_assessed.values()))
        whole = raw(bundle)
        read(patient, {"observations": whole}, whole, "order-select")
    assert not found or sum(found.values()) > 0
