"""Patients of many origins, beside the repository, through the whole service: never a server error, all answers valid."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from tests.conftest import PATIENTS, ROOT, OpenService

ORIGINS = sorted(path.parent.name for path in PATIENTS.glob("*/patients.ndjson.gz")) if PATIENTS.is_dir() else []
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
SECTIONS = {
    "medications": {"MedicationRequest", "MedicationStatement", "Medication"},
    "observations": {"Observation"},
    "conditions": {"Condition"},
    "allergies": {"AllergyIntolerance"},
}
SCHEMA = json.loads((ROOT / "cds_service/hooks/schemas/response.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
pytestmark = [
    pytest.mark.patients,
    pytest.mark.skipif(not ORIGINS, reason="the shared patients are not here (CDS_SHARED_PATIENTS)"),
]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def client(open_service: OpenService) -> FlaskClient:
    return open_service(NOW)


def bundles(path: Path) -> Iterator[Json]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        yield from map(json.loads, lines)


def entries(bundle: Json) -> Iterator[Json]:
    for entry in bundle.get("entry") or ():
        resource = (entry or {}).get("resource") or {}
        if resource.get("resourceType") == "Bundle":
            yield from entries(resource)
        elif resource:
            yield entry


def call(hook: str, found: list[Json]) -> Json | None:
    """A hook call about the first patient of a case."""
    people = [entry for entry in found if entry["resource"]["resourceType"] == "Patient"]
    if not people:
        return None
    patient = str(people[0]["resource"].get("id") or people[0].get("fullUrl"))
    prefetch: Json = {"patient": people[0]["resource"]}
    for key, types in SECTIONS.items():
        mine = [entry for entry in found if entry["resource"]["resourceType"] in types]
        prefetch[key] = {"resourceType": "Bundle", "type": "searchset", "entry": mine}
    context = {"userId": "Practitioner/1", "patientId": patient}
    return {
        "hook": hook,
        "hookInstance": "3b0e7d3e-8f5a-4c1d-9a57-2f6c0d9be1a4",
        "context": context,
        "prefetch": prefetch,
    }


def drafted(request: Json, found: list[Json]) -> Json:
    """The same person, whose orders in force are being ordered now."""
    orders = [
        {**entry, "resource": {**entry["resource"], "status": "draft"}}
        for entry in found
        if entry["resource"]["resourceType"] == "MedicationRequest" and entry["resource"].get("status") == "active"
    ]
    context = {**request["context"], "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": orders}}
    return {**request, "hook": "order-select", "context": context}


def seen(client: FlaskClient, request: Json) -> Counter[str]:
    answer = client.post(f"/cds-services/cramp-{request['hook']}", json=request)
    assert answer.status_code in (200, 400, 412), answer.get_data(as_text=True)
    body = answer.get_json()
    if answer.status_code != 200:
        assert body["resourceType"] == "OperationOutcome"
        return Counter()
    assert list(VALIDATOR.iter_errors(body)) == []
    return Counter(f["id"] for card in body["cards"] for f in card["extension"]["org.cds-service.findings"])


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_patient_gets_a_valid_answer(
    origin: str, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, cards = Counter[str](), Counter[str]()
    for bundle in bundles(PATIENTS / origin / "patients.ndjson.gz"):
        found = list(entries(bundle))
        request = call("patient-view", found)
        if request is None:
            continue
        for one in (request, drafted(request, found)):
            calls[one["hook"]] += 1
            cards.update(f"{one['hook']} {card}" for card in seen(client, one))
    with capsys.disabled():
        rates = ", ".join(f"{name} {100 * n / calls[name.split()[0]]:.0f}" for name, n in sorted(cards.items()))
        print(f"\n{origin}: {sum(calls.values())} calls; cards per 100 calls: {rates or 'none'}")
