"""Drafts returned whole with one change: only where the result is legal FHIR R4."""

import json
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest

from cds_service.decide.orders import edited, illegal
from cds_service.knowledge.case import Case
from cds_service.knowledge.library import Library
from cds_service.knowledge.placeholders import Moment
from tests.knowledge.charts import chart, order

LEGAL: dict[str, Any] = {
    "resourceType": "MedicationRequest",
    "id": "request-123",
    "status": "draft",
    "intent": "order",
    "category": [{"text": "outpatient"}],
    "medicationCodeableConcept": {"text": "x"},
    "subject": {"reference": "Patient/p"},
    "dosageInstruction": [{"text": "as before", "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}]}],
    "extension": [{"url": "http://example.org/x", "valueString": "kept"}],
}
EDIT = {"dosageInstruction": [{"text": "less"}]}


@pytest.fixture
def moment(library: Library) -> Moment:
    return Moment(Case(chart(), "order-sign", None), ())


def changed(sent: object, moment: Moment, library: Library) -> object:
    draft = order("baclofen", "draft", library, as_sent=json.dumps(sent).encode())
    return edited(draft, EDIT)


def test_only_the_named_members_change(moment: Moment, library: Library) -> None:
    found = changed(LEGAL, moment, library)
    assert found == {**LEGAL, **EDIT}
    MedicationRequest.model_validate(found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"category": {"text": "an object"}}, "category"),
        ({"intent": None}, "intent"),
        ({"intent": "zzz"}, "intent"),
        ({"status": "banana"}, "status"),
        ({"subject": None}, "subject"),
        ({"medicationReference": {"reference": "#m"}}, "medicine"),
        ({"surprise": 1}, "surprise"),
        ({"id": None}, "id"),
        ({"note": []}, "note"),
        ({"encounter": ""}, "encounter"),
    ],
)
def test_what_cannot_be_made_legal_is_left_out(
    change: dict[str, Any], said: str, moment: Moment, library: Library
) -> None:
    sent = {key: value for key, value in {**LEGAL, **change}.items() if value is not None}
    found = changed(sent, moment, library)
    assert isinstance(found, str)
    assert said in found


def test_a_dosage_that_stays_must_be_legal_too() -> None:
    assert "dosage" in illegal({**LEGAL, "dosageInstruction": [{"doseAndRate": {"doseQuantity": {"value": 5}}}]})


@pytest.mark.parametrize("sent", [b"", b"[]", b"{", b"null"])
def test_an_order_that_was_not_sent_whole(sent: bytes, moment: Moment, library: Library) -> None:
    draft = order("baclofen", "draft", library, as_sent=sent)
    assert edited(draft, EDIT) == "the order was not sent as a resource"
