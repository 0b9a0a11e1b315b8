"""Small FHIR resources for the tests of this room, and the chart that a request with them comes to."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from cds_service.chart import SECTIONS, Chart, Needs
from cds_service.fhir import Gathered, gather, read_chart
from cds_service.hooks import HookRequest
from cds_service.terminology import Terms, build_terms, read_tables

SHARED = Path(__file__).parents[2] / "cards" / "shared"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEEDS = Needs(frozenset(SECTIONS), frozenset())
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
HCTZ_25 = {"system": RXNORM, "code": "310798", "display": "hydrochlorothiazide 25 MG Oral Tablet"}
BACLOFEN_10 = {"system": RXNORM, "code": "197391", "display": "baclofen 10 MG Oral Tablet"}
Json = dict[str, Any]


@cache
def terms() -> Terms:
    """The terminology of the cards in this repository."""
    listed = [
        yaml.safe_load((SHARED / name).read_text(encoding="utf-8"))
        for name in ("drugs/classes.yaml", "labs.yaml", "conditions.yaml", "drugs/routes.yaml")
    ]
    return build_terms(read_tables(SHARED), *listed)


def days_ago(days: float) -> str:
    return (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def patient(**members: Any) -> Json:
    return {"resourceType": "Patient", "id": "p1", "birthDate": "1950-06-15", "gender": "female", **members}


def order(name: str = "o1", coding: Json = HCTZ_25, **members: Any) -> Json:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [coding]},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": days_ago(100),
        **members,
    }


def without(resource: Json, *members: str) -> Json:
    return {name: value for name, value in resource.items() if name not in members}


def result(
    name: str = "r1", value: float = 3.1, *, loinc: str = "2823-3", unit: str = "mmol/L", **members: Any
) -> Json:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": loinc}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": days_ago(3),
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
        **members,
    }


def condition(name: str = "c1", snomed: str = "449918009", **members: Any) -> Json:
    return {
        "resourceType": "Condition",
        "id": name,
        "code": {"coding": [{"system": SNOMED, "code": snomed}]},
        "subject": {"reference": "Patient/p1"},
        **members,
    }


def allergy(name: str = "a1", **members: Any) -> Json:
    code = {"coding": [{"system": RXNORM, "code": "9071", "display": "quinine"}]}
    return {
        "resourceType": "AllergyIntolerance",
        "id": name,
        "code": code,
        "patient": {"reference": "Patient/p1"},
        **members,
    }


def searchset(*resources: Json | None, **members: Any) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": resource} if resource is not None else None for resource in resources],
        **members,
    }


def prefetch(**values: Any) -> Json:
    """A complete prefetch, empty but for the given keys; a key set to `...` is left out."""
    empty: Json = {"patient": patient()} | {name: searchset() for name in SECTIONS if name != "patient"}
    return {name: value for name, value in (empty | values).items() if value is not ...}


def request(values: Json, drafts: Any = None, hook: str = "patient-view", selections: Any = None) -> HookRequest:
    return HookRequest(
        hook=hook,
        hook_instance="3b2c1a0e-7a43-4a0f-9c53-6c1f2b0a9d11",
        patient_id="p1",
        user_id="Practitioner/1",
        encounter_id="",
        selections=tuple(selections) if selections is not None else None,
        draft_orders=raw(drafts) if drafts is not None else None,
        prefetch={name: raw(value) for name, value in values.items()},
        fhir_server=None,
        notes=(),
    )


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(value if isinstance(value, bytes) else json.dumps(value).encode())


def gathered(values: Json, drafts: Any = None, **more: Any) -> Gathered:
    return gather(request(values, drafts, **more), NEEDS)


def chart(
    drafts: Any = None, hook: str = "patient-view", selections: Any = None, tests: Any = None, **values: Any
) -> Chart:
    """The chart of a request with a complete prefetch but for the given keys; of the `tests` named, or of all."""
    call = request(prefetch(**values), drafts, hook, selections)
    return read_chart(call, gather(call, NEEDS), terms(), NOW, tests)


def reasons(found: Chart, section: str | None = None) -> list[str]:
    """The reasons of the gaps of a chart."""
    return [gap.reason for gap in found.gaps if section in (None, gap.section)]
