"""Synthetic order-select bodies in four sizes; the same day gives the same bytes. Every resource is legal FHIR R4."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import cycle
from typing import Any, NamedTuple

Json = dict[str, Any]

SIZES = ("small", "typical", "large", "huge")
PATIENT = "pat-1"
BASE = "https://ehr.example.org/fhir"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
HL7 = "http://terminology.hl7.org/CodeSystem"


class Counts(NamedTuple):
    """How many resources of each kind; the patient and two drafts come on top."""

    running: int
    stopped: int
    labs: int
    conditions: int
    allergies: int


COUNTS = {
    "small": Counts(2, 1, 2, 1, 1),
    "typical": Counts(6, 12, 28, 9, 2),
    "large": Counts(20, 237, 600, 130, 10),
    "huge": Counts(40, 2550, 6107, 1280, 20),
}
DRUGS = (
    ("314076", "lisinopril 10 MG Oral Tablet", 1),
    ("197391", "baclofen 10 MG Oral Tablet", 3),
    ("197604", "digoxin 0.125 MG Oral Tablet", 1),
    ("617311", "atorvastatin 40 MG Oral Tablet", 1),
    ("198440", "acetaminophen 500 MG Oral Tablet", 4),
    ("313782", "acetaminophen 325 MG Oral Tablet", 4),
    ("861007", "metformin hydrochloride 500 MG Oral Tablet", 2),
    ("198051", "omeprazole 20 MG Delayed Release Oral Capsule", 1),
    ("308136", "amlodipine 5 MG Oral Tablet", 1),
    ("309309", "ciprofloxacin 500 MG Oral Tablet", 2),
    ("313988", "furosemide 40 MG Oral Tablet", 1),
    ("856834", "amitriptyline hydrochloride 25 MG Oral Tablet", 1),
)
LABS = (
    ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.2, 3.5, 5.1),
    ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 138, 135, 145),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 1.02, 0.6, 1.2),
    ("33914-3", "Glomerular filtration rate/1.73 sq M.predicted by Creatinine-based formula (MDRD)",
     "mL/min/{1.73_m2}", 64, 60, 120),
    ("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 9.4, 8.5, 10.2),
    ("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "mg/dL", 1.9, 1.7, 2.4),
    ("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 101, 70, 110),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 5.9, 4.0, 6.0),
)  # fmt: skip
CONDITIONS = (
    ("38341003", "Hypertensive disorder, systemic arterial"),
    ("73211009", "Diabetes mellitus"),
    ("449917004", "Cramp in lower limb"),
    ("44054006", "Diabetes mellitus type 2"),
    ("59621000", "Essential hypertension"),
    ("235595009", "Gastroesophageal reflux disease"),
    ("396275006", "Osteoarthritis"),
    ("13644009", "Hypercholesterolemia"),
    ("40930008", "Hypothyroidism"),
)
ALLERGIES = (("91936005", "Allergy to penicillin"), ("293637006", "Allergy to contrast media"))


def body(size: str, today: date) -> bytes:
    """The body of one size as a client would send it: compact JSON."""
    return json.dumps(request(COUNTS[size], today), separators=(",", ":")).encode()


def quiet_body(today: date) -> bytes:
    """The typical body with the potassium in order, so that judging costs as much and showing less."""
    return body("typical", today).replace(b'"value":3.2', b'"value":4.2')


def request(counts: Counts, today: date) -> Json:
    """An order-select: a thiazide and a quinine being written for a patient with a low potassium."""
    drafts = [
        _order("draft-1", "310798", "hydrochlorothiazide 25 MG Oral Tablet", 1, today, "draft"),
        _order("draft-2", "997010", "quinine sulfate 324 MG Oral Capsule", 1, today, "draft"),
    ]
    return {
        "hook": "order-select",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/prac-1",
            "patientId": PATIENT,
            "encounterId": "enc-1",
            "selections": ["MedicationRequest/draft-1"],
            "draftOrders": _bundle("collection", drafts),
        },
        "prefetch": {
            "patient": _patient(),
            "medications": _bundle("searchset", [*_running(counts.running, today), *_history(counts.stopped, today)]),
            "observations": _bundle("searchset", _labs(counts.labs, today)),
            "conditions": _bundle("searchset", _conditions(counts.conditions, today)),
            "allergies": _bundle("searchset", _allergies(counts.allergies, today)),
        },
    }


def resources(call: Json) -> int:
    """How many resources a body holds."""
    held = (*call["prefetch"].values(), call["context"]["draftOrders"])
    return sum(len(value["entry"]) if value["resourceType"] == "Bundle" else 1 for value in held)


def _bundle(kind: str, entries: Iterable[Json]) -> Json:
    held = [_entry(resource, kind) for resource in entries]
    return {
        "resourceType": "Bundle",
        "type": kind,
        **({"total": len(held)} if kind == "searchset" else {}),
        "entry": held,
    }


def _entry(resource: Json, kind: str) -> Json:
    entry = {"fullUrl": f"{BASE}/{resource['resourceType']}/{resource['id']}", "resource": resource}
    return {**entry, "search": {"mode": "match"}} if kind == "searchset" else entry


def _meta(on: date, profile: str) -> Json:
    return {
        "versionId": "1",
        "lastUpdated": f"{on.isoformat()}T09:30:00.000Z",
        "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/{profile}"],
    }


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _subject() -> Json:
    return {"reference": f"Patient/{PATIENT}", "display": "Example, Synthetic"}


def _category(system: str, code: str, display: str) -> list[Json]:
    return [{"coding": [{"system": f"{HL7}/{system}", "code": code, "display": display}], "text": display}]


def _patient() -> Json:
    return {
        "resourceType": "Patient",
        "id": PATIENT,
        "meta": _meta(date(2024, 1, 5), "us-core-patient"),
        "identifier": [{"use": "usual", "system": "https://ehr.example.org/mrn", "value": "000001"}],
        "active": True,
        "name": [{"use": "official", "family": "Example", "given": ["Synthetic"]}],
        "gender": "female",
        "birthDate": "1954-04-17",
    }


def _order(name: str, code: str, drug: str, times: int, on: date, status: str) -> Json:
    strength = float(next(word for word in drug.split() if word.replace(".", "").isdigit()))
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "meta": _meta(on, "us-core-medicationrequest"),
        "identifier": [{"use": "usual", "system": "https://ehr.example.org/orders", "value": name}],
        "status": status,
        "intent": "order",
        "category": _category("medicationrequest-category", "community", "Community"),
        "medicationCodeableConcept": _concept(RXNORM, code, drug),
        "subject": _subject(),
        "encounter": {"reference": "Encounter/enc-1", "display": "Office visit"},
        "authoredOn": f"{on.isoformat()}T10:15:00+00:00",
        "requester": {"reference": "Practitioner/prac-1", "display": "Physician, Example"},
        "dosageInstruction": [
            {
                "sequence": 1,
                "text": f"{strength:g} mg, {times} times a day",
                "timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}},
                "route": _concept(SNOMED, "26643006", "Oral route"),
                "doseAndRate": [
                    {
                        "type": {"coding": [{"system": f"{HL7}/dose-rate-type", "code": "ordered"}]},
                        "doseQuantity": {"value": strength, "unit": "mg", "system": UCUM, "code": "mg"},
                    }
                ],
            }
        ],
        "dispenseRequest": {
            "numberOfRepeatsAllowed": 3,
            "quantity": {"value": 30 * times, "unit": "tablet"},
            "expectedSupplyDuration": {"value": 30, "unit": "day", "system": UCUM, "code": "d"},
        },
    }


def _running(number: int, today: date) -> Iterator[Json]:
    for place, (code, drug, times) in zip(range(number), cycle(DRUGS), strict=False):
        yield _order(f"med-{place}", code, drug, times, today - timedelta(days=40 + place), "active")


def _history(number: int, today: date) -> Iterator[Json]:
    statuses = cycle(("stopped", "completed"))
    for place, (code, drug, times), status in zip(range(number), cycle(DRUGS), statuses, strict=False):
        yield _order(f"old-{place}", code, drug, times, today - timedelta(days=120 + place % 3000), status)


def _labs(number: int, today: date) -> Iterator[Json]:
    for place in range(number):
        code, display, unit, value, low, high = LABS[place % len(LABS)]
        drawn = today - timedelta(days=2 + 29 * (place // len(LABS)) % 3000)
        shown = round(value * (1 + (place // len(LABS)) % 5 / 100), 2)
        yield _lab(f"lab-{place}", code, display, unit, (shown, low, high), drawn)


def _lab(name: str, code: str, display: str, unit: str, values: tuple[float, float, float], drawn: date) -> Json:
    found, low, high = ({"value": value, "unit": unit, "system": UCUM, "code": unit} for value in values)
    stamp = f"{drawn.isoformat()}T08:{int(name.rpartition('-')[2]) % 60:02d}:00+00:00"
    return {
        "resourceType": "Observation",
        "id": name,
        "meta": _meta(drawn, "us-core-observation-lab"),
        "identifier": [{"use": "usual", "system": "https://ehr.example.org/results", "value": name}],
        "status": "final",
        "category": _category("observation-category", "laboratory", "Laboratory"),
        "code": _concept(LOINC, code, display),
        "subject": _subject(),
        "encounter": {"reference": "Encounter/enc-1", "display": "Office visit"},
        "effectiveDateTime": stamp,
        "issued": stamp,
        "performer": [{"reference": "Organization/lab-1", "display": "Example Laboratory"}],
        "valueQuantity": found,
        "referenceRange": [{"low": low, "high": high, "text": f"{values[1]:g}-{values[2]:g} {unit}"}],
    }


def _conditions(number: int, today: date) -> Iterator[Json]:
    for place, (code, display) in zip(range(number), cycle(CONDITIONS), strict=False):
        on = today - timedelta(days=200 + 11 * place % 5000)
        yield {
            "resourceType": "Condition",
            "id": f"con-{place}",
            "meta": _meta(on, "us-core-condition"),
            "clinicalStatus": {"coding": [{"system": f"{HL7}/condition-clinical", "code": "active"}]},
            "verificationStatus": {"coding": [{"system": f"{HL7}/condition-ver-status", "code": "confirmed"}]},
            "category": _category("condition-category", "problem-list-item", "Problem List Item"),
            "code": _concept(SNOMED, code, display),
            "subject": _subject(),
            "onsetDateTime": on.isoformat(),
            "recordedDate": on.isoformat(),
        }


def _allergies(number: int, today: date) -> Iterator[Json]:
    for place, (code, display) in zip(range(number), cycle(ALLERGIES), strict=False):
        yield {
            "resourceType": "AllergyIntolerance",
            "id": f"all-{place}",
            "meta": _meta(today - timedelta(days=900), "us-core-allergyintolerance"),
            "clinicalStatus": {"coding": [{"system": f"{HL7}/allergyintolerance-clinical", "code": "active"}]},
            "verificationStatus": {
                "coding": [{"system": f"{HL7}/allergyintolerance-verification", "code": "confirmed"}]
            },
            "code": _concept(SNOMED, code, display),
            "patient": _subject(),
            "recordedDate": (today - timedelta(days=900)).isoformat(),
        }
