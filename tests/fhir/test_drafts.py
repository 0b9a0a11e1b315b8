"""Draft orders: which ones the hook asks about, and what one being written means."""

from typing import Any

import pytest

from cds_service.chart import Chart
from tests.fhir.fhir_samples import BACLOFEN_10, chart, order, reasons, searchset, without

TWO = searchset(order("o1"), order("o2", BACLOFEN_10))


def judged(found: Chart) -> set[str]:
    return {one.reference.rsplit("/", 1)[-1] for one in found.medications if one.judged}


def test_order_sign_judges_every_draft_whatever_its_status() -> None:
    found = chart(searchset(order("o1", status="draft"), order("o2", BACLOFEN_10, status="active")), "order-sign")
    assert judged(found) == {"o1", "o2"}
    assert {one.role for one in found.medications} == {"draft"}


@pytest.mark.parametrize(
    ("selections", "expected"),
    [
        (["MedicationRequest/o2"], {"o2"}),
        (["o2"], {"o2"}),
        (["https://ehr.example.org/MedicationRequest/o2"], {"o2"}),
        (["MedicationRequest/o2/_history/1"], {"o2"}),
        (["MedicationRequest/o2", "MedicationRequest/gone"], {"o2"}),
        (["MedicationRequest/gone"], {"o1", "o2"}),
        ([], set()),
        (None, {"o1", "o2"}),
        ([""], {"o1", "o2"}),
    ],
)
def test_selections(selections: list[str] | None, expected: set[str]) -> None:
    found = chart(TWO, "order-select", selections)
    assert judged(found) == expected
    assert len(found.medications) == 2


def test_a_selection_by_full_url() -> None:
    drafts = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": without(order(), "id")}, TWO]}
    found = chart(drafts, "order-select", ["urn:uuid:1"])
    assert [one.reference for one in found.medications if one.judged] == ["urn:uuid:1"]


def test_a_selected_order_that_is_no_medicine_selects_no_medicine() -> None:
    lab = {"resourceType": "ServiceRequest", "id": "s1"}
    found = chart(searchset(order("o1"), lab), "order-select", ["ServiceRequest/s1"])
    assert judged(found) == set()
    assert len(found.medications) == 1


def test_the_draft_is_kept_exactly_as_sent() -> None:
    sent = b'{"resourceType":"MedicationRequest", "id":"o1",  "status":"draft","intent":"order","x":1.50,'
    sent += b'"subject":{"reference":"Patient/p1"},"medicationCodeableConcept":{"text":"baclofen"}}'
    body = b'{"resourceType":"Bundle","entry":[{"resource":' + sent + b"}]}"
    (draft,) = chart(body, "order-sign").medications
    assert draft.as_sent == sent
    assert draft.editable


@pytest.mark.parametrize("missing", ["id", "status", "intent", "subject"])
def test_an_incomplete_order_is_judged_but_not_editable(missing: str) -> None:
    (draft,) = chart(searchset(without(order(), missing)), "order-sign").medications
    assert draft.judged
    assert not draft.editable


@pytest.mark.parametrize("status", ["stopped", "cancelled", "completed"])
def test_a_draft_that_ends_an_order_is_stopped_now_and_replaces_it(status: str) -> None:
    found = chart(searchset(order(status=status)), "order-sign", medications=searchset(order()))
    (only,) = found.medications
    assert (only.role, only.judged, only.editable) == ("stopped", False, False)
    assert only.stopped is not None
    assert only.stopped.about


@pytest.mark.parametrize("members", [{"status": "entered-in-error"}, {"doNotPerform": True}])
def test_void_drafts_and_drafts_not_to_give_are_no_medicines(members: dict[str, Any]) -> None:
    assert not chart(searchset(order(**members)), "order-sign").medications


def test_an_order_in_force_stays_beside_the_draft_that_revises_it() -> None:
    """Or a revision would look like a first start: its dose cut back, the order offered for removal."""
    found = chart(searchset(order("o1")), "order-sign", medications=searchset(order("o1"), order("o2")))
    assert sorted((one.reference, one.role) for one in found.medications) == [
        ("MedicationRequest/o1", "draft"),
        ("MedicationRequest/o1", "taken"),
        ("MedicationRequest/o2", "taken"),
    ]


@pytest.mark.parametrize("draft", [order("o1", status="stopped"), order("o1", BACLOFEN_10)])
def test_a_draft_that_ends_an_order_or_makes_it_another_medicine_stands_for_it(draft: dict[str, Any]) -> None:
    found = chart(searchset(draft), "order-sign", medications=searchset(order("o1")))
    assert [one.reference for one in found.medications] == ["MedicationRequest/o1"]


def test_an_unselected_revision_leaves_the_order_taken() -> None:
    found = chart(TWO, "order-select", ["o2"], medications=searchset(order("o1")))
    assert sorted(one.role for one in found.medications) == ["draft", "draft", "taken"]


def test_an_unselected_draft_that_ends_an_order_has_not_ended_it() -> None:
    drafts = searchset(order("o1", status="stopped"), order("o2", BACLOFEN_10))
    found = chart(drafts, "order-select", ["o2"], medications=searchset(order("o1")))
    assert sorted((one.reference[-2:], one.role) for one in found.medications) == [("o1", "taken"), ("o2", "draft")]


def test_draft_orders_inside_prefetch_are_not_taken() -> None:
    assert not chart(medications=searchset(order(status="draft"))).medications


def test_a_draft_without_any_medicine_is_nothing_to_judge() -> None:
    found = chart(searchset(without(order(), "medicationCodeableConcept")), "order-sign")
    assert not found.medications
    assert not found.gaps


def test_a_draft_for_another_patient_is_not_judged() -> None:
    found = chart(searchset(order(subject={"reference": "Patient/p2"})), "order-sign")
    assert not found.medications
    assert reasons(found) == ["other-patient-entries"]


@pytest.mark.parametrize(
    "draft",
    [
        {"resourceType": "MedicationOrder", "id": "m", "medicationCodeableConcept": {"text": "baclofen"}},
        order(requester={"agent": {"reference": "Practitioner/1"}}),
        order(context={"reference": "Encounter/1"}),
    ],
)
def test_orders_of_older_releases_leave_a_gap(draft: dict[str, Any]) -> None:
    found = chart(searchset(draft), "order-sign")
    assert not found.medications
    assert reasons(found) == ["older-release"]


@pytest.mark.parametrize(
    "drafts",
    [{}, {"entry": None}, {"entry": []}, searchset(None), {"entry": [7, "x", {}, {"resource": None}]}, {"entry": {}}],
)
def test_junk_bundles_hold_no_drafts(drafts: dict[str, Any]) -> None:
    assert not chart(drafts, "order-sign").medications


def test_a_draft_of_the_wrong_shape_is_read_as_far_as_it_goes() -> None:
    dosage = {"doseAndRate": {"doseQuantity": {"value": 25, "unit": "mg"}}, "timing": {"repeat": {"when": "MORN"}}}
    (draft,) = chart(searchset(order(dosageInstruction=dosage, category="inpatient")), "order-sign").medications
    assert draft.dose.daily is not None
    assert draft.dose.daily.high == 25
