"""Medication lists as they come: without ids, told twice, revised in place, in words that nobody can identify."""

import json
from typing import Any
from uuid import UUID

import pytest

from cds_service import hooks, service
from cds_service.caller import ClientOptions
from cds_service.decide import Decision
from cds_service.knowledge.library import Library
from tests.test_record import NOW

Json = dict[str, Any]
OPTIONS = ClientOptions(shows_drafts=True)
EGFR = {
    "resourceType": "Observation", "id": "egfr", "status": "final", "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "98979-8"}]}, "effectiveDateTime": "2026-06-10",
    "valueQuantity": {"value": 90, "unit": "mL/min/{1.73_m2}", "system": "http://unitsofmeasure.org",
                      "code": "mL/min/{1.73_m2}"},
}  # fmt: skip


def order(name: str, own: str = "", status: str = "active", mg: float = 0, times: int = 1, reason: str = "") -> Json:
    made: Json = {
        "resourceType": "MedicationRequest", "status": status, "intent": "order",
        "subject": {"reference": "Patient/p"}, "medicationCodeableConcept": {"text": name}, "authoredOn": "2025-05-01",
    }  # fmt: skip
    made |= {"id": own} if own else {}
    made |= {"reasonCode": [{"text": reason}]} if reason else {}
    dose = {"doseAndRate": [{"doseQuantity": {"value": mg, "unit": "mg", "code": "mg"}}]}
    timing = {"timing": {"repeat": {"frequency": times, "period": 1, "periodUnit": "d"}}}
    return {**made, "dosageInstruction": [{**dose, **timing}]} if mg else made


def draft(name: str, own: str = "", **members: Any) -> Json:
    return order(name, own, "draft", **members)


def bundle(resources: list[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources]}


def decided(library: Library, drafts: list[Json], taken: list[Json]) -> Decision:
    call = {
        "hook": "order-sign",
        "hookInstance": str(UUID(int=1)),
        "context": {"userId": "Practitioner/x", "patientId": "p", "draftOrders": bundle(drafts)},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p", "birthDate": "1956-01-01"},
            "medications": bundle(taken), "observations": bundle([EGFR]), "conditions": bundle([]),
            "allergies": bundle([]),
        },
    }  # fmt: skip
    request = hooks.read_request(json.dumps(call).encode(), "order-sign")
    return service.judge(request, OPTIONS, library, NOW, UUID(int=2)).decision


def shown(decision: Decision) -> set[str]:
    return {finding[0] for card in decision.shown for finding in card.findings}


def deeds(decision: Decision) -> list[tuple[str, str]]:
    actions = (action for card in decision.cards for offer in card.suggestions for action in offer.actions)
    return [(action.type, action.resource_id) for action in actions]


@pytest.mark.parametrize("ids", [("a", "b"), ("", "")])
def test_orders_without_ids_are_two_medicines_all_the_same(ids: tuple[str, str], library: Library) -> None:
    drafts = [draft("baclofen 10 mg tablet", ids[0]), draft("oxycodone 5 mg tablet", ids[1])]
    assert "baclofen-cns-depressant" in shown(decided(library, drafts, []))


def test_a_draft_that_nobody_can_identify_is_not_silent_beside_a_medicine_taken(library: Library) -> None:
    found = decided(library, [draft("opioid patch as per pain clinic", "d")], [order("baclofen 10 mg tablet", "b")])
    assert [card.head for card in found.shown] == ["data-quality"]


def test_a_revision_of_an_order_in_force_is_no_start(library: Library) -> None:
    """The dose in force is not cut to that of a first day, and the order is not offered for removal."""
    taken = [order("baclofen 20 mg tablet", "b1", mg=20, times=3, reason="leg cramps")]
    same = decided(library, [draft("baclofen 20 mg tablet", "b1", mg=20, times=3, reason="leg cramps")], taken)
    assert "baclofen-start-dose" not in shown(same)
    beside = [*taken, order("oxycodone 5 mg tablet", "o1")]
    lowered = decided(library, [draft("baclofen 10 mg tablet", "b1", mg=10, reason="leg cramps")], beside)
    assert ("delete", "MedicationRequest/b1") not in deeds(lowered)


def test_which_of_two_drafts_of_a_medicine_goes_is_not_ours_to_choose(library: Library) -> None:
    drafts = [
        draft("quinine sulfate 324 mg capsule", "a", mg=324, reason="myotonia congenita"),
        draft("quinine sulfate 324 mg capsule", "z", mg=324, reason="leg cramps"),
    ]
    found = decided(library, drafts, [])
    assert "quinine-cramps" in shown(found)
    assert "delete" not in {kind for kind, _ in deeds(found)}
    assert any("which one" in why for why in found.left_out)


def test_a_treatment_told_twice_does_not_count_twice(library: Library) -> None:
    once = draft("baclofen 10 mg tablet", "d", mg=10, times=2, reason="leg cramps")
    told = order("baclofen 10 mg tablet", "b", mg=10, times=2, reason="leg cramps")
    statement = {**told, "resourceType": "MedicationStatement", "id": "s", "dosage": told["dosageInstruction"]}
    del statement["dosageInstruction"]
    call = {
        "hook": "patient-view",
        "hookInstance": str(UUID(int=1)),
        "context": {"userId": "Practitioner/x", "patientId": "p"},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p", "birthDate": "1956-01-01"},
            "medications": bundle([told, statement]), "observations": bundle([EGFR]), "conditions": bundle([]),
            "allergies": bundle([]),
        },
    }  # fmt: skip
    request = hooks.read_request(json.dumps(call).encode(), "patient-view")
    found = service.judge(request, OPTIONS, library, NOW, UUID(int=2)).decision
    assert "baclofen-max-dose-cramps" not in shown(found)
    assert "baclofen-max-dose-cramps" not in shown(decided(library, [once], [statement]))
