"""The record names coded facts only: nothing a patient, a user or a client wrote is in it."""

import contextlib
import copy
import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cds_service import hooks, service
from cds_service.audit import Journal, tail
from cds_service.caller import Caller, ClientOptions
from cds_service.knowledge.library import Library
from cds_service.settings import Settings
from cds_service.web.app import create_app

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
MARK = "zqx"
"""Stands in every word of the request that must not be kept."""

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
SUBJECT = {"reference": f"Patient/{MARK}-patient", "display": f"{MARK} Ada"}


def order(number: int, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": f"{MARK}-order-{number}",
        "identifier": [{"system": f"https://{MARK}.example.org", "value": f"{MARK}-{number}"}],
        "status": "draft",
        "intent": "order",
        "subject": SUBJECT,
        "requester": {"reference": f"Practitioner/{MARK}-doctor"},
        "note": [{"text": f"{MARK} note"}],
        "dosageInstruction": [{"text": f"{MARK} at night", "patientInstruction": f"{MARK}"}],
        **members,
    }


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"https://{MARK}.example.org/{one['id']}", "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


QUININE = {"coding": [{"system": RXNORM, "code": "997010", "display": f"{MARK} capsule"}], "text": f"{MARK} pills"}
CRAMP = [{"coding": [{"system": SNOMED, "code": "449918009"}], "text": f"{MARK} cramp"}]
POTASSIUM = {
    "resourceType": "Observation",
    "id": f"{MARK}-result",
    "status": "final",
    "subject": SUBJECT,
    "effectiveDateTime": "2026-06-12T08:00:00Z",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": f"{MARK} K"}]},
    "valueQuantity": {"value": 2.4, "unit": "mmol/L"},
    "note": [{"text": f"{MARK}"}],
}
CONDITION = {
    "resourceType": "Condition",
    "id": f"{MARK}-condition",
    "subject": SUBJECT,
    "code": {"text": f"prolonged QT, {MARK}"},
}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": f"{MARK}-allergy",
    "patient": SUBJECT,
    "code": {"text": f"quinine {MARK}"},
}
PATIENT = {
    "resourceType": "Patient",
    "id": f"{MARK}-patient",
    "name": [{"family": f"{MARK}"}],
    "birthDate": "1951-02-03",
    "telecom": [{"value": MARK}],
}
CALL = {
    "hook": "order-sign",
    "hookInstance": f"{MARK}-instance",
    "fhirServer": f"https://{MARK}.example.org/fhir",
    "fhirAuthorization": {"access_token": f"{MARK}-token", "token_type": "Bearer"},
    "context": {
        "userId": f"Practitioner/{MARK}-doctor",
        "patientId": f"{MARK}-patient",
        "encounterId": f"{MARK}-encounter",
        "draftOrders": bundle(
            order(1, medicationCodeableConcept=QUININE, reasonCode=CRAMP),
            order(2, medicationCodeableConcept={"text": f"some quinine-like {MARK} drops"}),
        ),
    },
    "prefetch": {
        "patient": PATIENT,
        "medications": {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": MARK}]},
        "observations": bundle(POTASSIUM),
        "conditions": bundle(CONDITION),
        "allergies": bundle(ALLERGY),
        MARK: MARK,
    },
    MARK: {"a": MARK},
}
FEEDBACK = {
    "card": f"{MARK}-card",
    "outcome": "overridden",
    "outcomeTimestamp": "2026-06-15T12:00:00Z",
    "overrideReason": {"reason": {"code": "risk-benefit-ratio", "system": MARK, "display": MARK}, "userComment": MARK},
}


@pytest.fixture
def folder(tmp_path: Path, library: Library) -> Path:
    """The data folder after one rich decision, one refusal for want of data, and one feedback entry."""
    journal = Journal(tmp_path)
    settings = Settings.load({"CDS_DATA_DIR": str(tmp_path)})
    app = create_app(settings, library, journal, lambda: NOW, service.respond, service.take_feedback)
    client = app.test_client()
    answer = client.post("/cds-services/cramp-order-sign", json=CALL)
    assert answer.status_code == 200
    assert answer.json["cards"]
    view = {**CALL, "hook": "patient-view", "prefetch": {}}
    assert client.post("/cds-services/cramp-patient-view", json=view).status_code == 412
    taken = client.post("/cds-services/cramp-order-sign/feedback", json={"feedback": [FEEDBACK]})
    assert taken.status_code == 204
    journal.close()
    return tmp_path


def test_nothing_of_the_patient_the_user_or_the_client_is_kept(folder: Path) -> None:
    for record in tail(folder, 10).records:
        kept = json.dumps(record).lower()
        assert MARK not in kept
        assert "1951" not in kept


def words_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all words and numbers in a request."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, held in items:
        if isinstance(held, dict | list):
            yield from words_of(held, (*path, name))
        else:
            yield (*path, name)


def test_no_single_member_of_a_call_reaches_the_record(tmp_path: Path, library: Library) -> None:
    limited = {**POTASSIUM["valueQuantity"], "comparator": "<", "system": "http://unitsofmeasure.org", "code": "mmol/L"}
    call = copy.deepcopy(CALL)
    call["prefetch"]["observations"] = bundle({**POTASSIUM, "valueQuantity": limited})
    caller = Caller("sandbox", ClientOptions(shows_drafts=True))
    journal = Journal(tmp_path)
    for path in words_of(call):
        changed = copy.deepcopy(call)
        home = functools.reduce(lambda held, name: held[name], path[:-1], changed)
        home[path[-1]] = f"{MARK} {home[path[-1]]} {MARK}"
        with contextlib.suppress(hooks.Refused):
            request = hooks.read_request(json.dumps(changed).encode(), "order-sign")
            service.respond(request, caller, library, journal, NOW, uuid4())
    journal.close()
    records = tail(tmp_path, 1000).records
    assert len(records) > 60
    assert [record for record in records if MARK in json.dumps(record).lower()] == []


def test_a_decision_says_what_was_seen_and_what_was_shown(folder: Path) -> None:
    decision, refused, _ = tail(folder, 10).records
    assert (decision["hook"], decision["status"], refused["status"]) == ("order-sign", 200, 412)
    assert decision["prefetch"]["medications"] == "error"
    assert decision["facts"]["medicines"][0]["ingredients"] == ["quinine"]
    assert (
        decision["facts"]["labs"][0] | {"test": "potassium", "value": 2.4, "days_ago": [3, 3]}
        == decision["facts"]["labs"][0]
    )
    assert "quinine-cramps" in {finding["card"] for card in decision["cards"] for finding in card["findings"]}
    assert all(outcome["trace"] for outcome in decision["outcomes"] if outcome["result"] == "shown")


def test_feedback_keeps_the_reason_and_that_there_was_a_comment(folder: Path) -> None:
    feedback = tail(folder, 1).records[0]
    assert (feedback["kind"], feedback["card"], feedback["reason"]) == ("feedback", "unmatched", "risk-benefit-ratio")
    assert feedback["commented"] is True
