"""Drafts returned whole with one change: only where the result is legal FHIR R4."""

import json
from typing import Any

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest

from cds_service.caller import ClientOptions
from cds_service.chart import Chart
from cds_service.decide import decide
from cds_service.decide.orders import edited, illegal
from cds_service.knowledge.case import Case, courses
from cds_service.knowledge.criteria import Trace, compile_criterion
from cds_service.knowledge.fillings import read_filling
from cds_service.knowledge.library import Library
from cds_service.knowledge.placeholders import Moment
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import parse_yaml
from tests.decide.test_decision import ID
from tests.knowledge.charts import chart, dose, exactly, order, reason, result

OPTIONS = ClientOptions(shows_drafts=True)
KIDNEY = [result("egfr", 90.0), result("sodium", 140.0), result("potassium", 4.2)]

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


FOCUS = {"resourceType": "Task", "focus": {"reference": "{{order}}"}}


def focus_of(found: Chart, library: Library, criterion: str) -> object:
    """What `{{order}}` names on a card about the patient whose criterion holds."""
    read = read_criterion(whole(parse_yaml(criterion, "test")), library.references)
    case = Case(found, "order-sign", None, courses(found, library.references.classes_of))
    trace: Trace = []
    assert compile_criterion(read)(case, trace)
    fill = read_filling(FOCUS, whole(parse_yaml("{}", "test")), library.references)
    return fill(Moment(case, tuple(trace))).get("focus")


def test_on_a_card_about_the_patient_order_is_the_one_that_was_found(library: Library) -> None:
    found = chart(medications=(order("tizanidine", "draft", library), order("warfarin", "taken", library)))
    assert focus_of(found, library, "drafted: muscle-relaxant") == {"reference": "MedicationRequest/tizanidine-draft"}


def test_where_no_order_was_found_the_member_is_left_out(library: Library) -> None:
    assert focus_of(chart(), library, "age: {at_least: 1}") is None


def test_of_two_drafts_of_one_medicine_none_is_changed(library: Library) -> None:
    """Lowering one of them would not set the dose that the label names."""
    dosed = {"dose": dose(exactly(40)), "reasons": (reason("muscle-cramp"),), "route": "oral"}
    drafts = [order("baclofen", "draft", library, as_sent=json.dumps(LEGAL).encode(), **dosed) for _ in range(2)]
    for count, offered in ((1, True), (2, False)):
        answer = decide(chart(medications=tuple(drafts[:count]), labs=KIDNEY), library, OPTIONS, "order-sign", ID)
        kinds = {act.type for card in answer.cards for one in card.suggestions for act in one.actions}
        assert ("update" in kinds) is offered
