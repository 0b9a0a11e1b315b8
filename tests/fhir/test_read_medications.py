"""Orders on the medication list: what they mean for the patient, which medicine they name, why and since when."""

from datetime import date
from typing import Any

import pytest

from cds_service.chart import Day, Medication
from tests.fhir.fhir_samples import (
    BACLOFEN_10,
    HCTZ_25,
    RXNORM,
    SNOMED,
    chart,
    condition,
    days_ago,
    order,
    reasons,
    searchset,
    without,
)


def only(*resources: dict[str, Any], **values: Any) -> Medication:
    (found,) = chart(medications=searchset(*resources), **values).medications
    return found


@pytest.mark.parametrize(
    ("members", "role"),
    [
        ({}, "taken"),
        ({"status": " Active "}, "taken"),
        ({"status": None}, "possibly-taken"),
        ({"status": "unknown"}, "possibly-taken"),
        ({"status": "Xactive"}, "possibly-taken"),
        ({"status": "on-hold"}, None),
        ({"status": "draft"}, None),
        ({"status": "entered-in-error"}, None),
        ({"status": "stopped"}, "stopped"),
        ({"status": "completed"}, "stopped"),
        ({"status": "cancelled"}, "stopped"),
        ({"doNotPerform": True}, None),
        ({"doNotPerform": False}, "taken"),
        ({"doNotPerform": "true"}, None),
        ({"intent": None}, "taken"),
        ({"intent": "original-order"}, "taken"),
        ({"intent": "reflex-order"}, "taken"),
        ({"intent": "instance-order"}, "taken"),
        ({"intent": "filler-order"}, "taken"),
        ({"intent": "zzz"}, "possibly-taken"),
        ({"intent": "proposal"}, None),
        ({"intent": "option"}, None),
        ({"intent": "plan"}, None),
        ({"intent": "plan", "reportedBoolean": True}, "taken"),
        ({"intent": "plan", "reportedBoolean": False}, None),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-02-01"}}}, "possibly-taken"),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-03-01"}}}, "taken"),
        (
            {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-01"}}}}]},
            "possibly-taken",
        ),
    ],
)
def test_roles(members: dict[str, Any], role: str | None) -> None:
    found = chart(medications=searchset(order(**members))).medications
    assert [one.role for one in found] == ([role] if role else [])


@pytest.mark.parametrize(
    ("status", "role"),
    [
        ("active", "taken"),
        ("completed", "stopped"),
        ("unknown", "possibly-taken"),
        ("intended", None),
        ("not-taken", None),
        ("on-hold", None),
    ],
)
def test_medication_statements(status: str, role: str | None) -> None:
    statement = without(order(status=status), "intent", "authoredOn") | {
        "resourceType": "MedicationStatement",
        "effectivePeriod": {"start": "2025-01-01", "end": "2025-06-01"} if status == "completed" else {"start": "2025"},
    }
    found = chart(medications=searchset(statement)).medications
    assert [one.role for one in found] == ([role] if role else [])
    if role == "stopped":
        assert found[0].stopped == Day(date(2025, 6, 1), date(2025, 6, 1))


MEDICATION = {"resourceType": "Medication", "id": "m1", "code": {"coding": [BACLOFEN_10]}}


@pytest.mark.parametrize(
    ("reference", "medication", "full_url"),
    [
        ({"reference": "Medication/m1"}, MEDICATION, None),
        ({"reference": "Medication/m1/_history/2"}, MEDICATION, None),
        ({"reference": "Medication/m1"}, MEDICATION, "https://ehr.example.org/Medication/m1"),
        ({"reference": "Medication/m1"}, without(MEDICATION, "id"), "https://ehr.example.org/Medication/m1"),
        ({"reference": "https://ehr.example.org/Medication/m1"}, MEDICATION, "https://ehr.example.org/Medication/m1"),
        ({"reference": "urn:uuid:77"}, without(MEDICATION, "id"), "urn:uuid:77"),
        ({"reference": "m1"}, MEDICATION, None),
        ({"reference": "urn:uuid:m1"}, MEDICATION, None),
        ({"reference": "m1", "type": "Medication"}, MEDICATION, None),
        ({"reference": "Medication/gone", "display": "Baclofen 10 mg tablet"}, MEDICATION, None),
        ({"display": "Baclofen 10 mg tablet"}, MEDICATION, None),
    ],
)
def test_medication_references(reference: dict[str, str], medication: dict[str, Any], full_url: str | None) -> None:
    one = without(order(medicationReference=reference), "medicationCodeableConcept")
    value = searchset(one)
    value["entry"].append({"fullUrl": full_url, "resource": medication})
    (found,) = chart(medications=value).medications
    assert found.ingredients == ("baclofen",)


def test_a_contained_medication() -> None:
    held = MEDICATION | {"id": "med"}
    one = without(order(contained=[held], medicationReference={"reference": "#med"}), "medicationCodeableConcept")
    assert only(one).ingredients == ("baclofen",)


@pytest.mark.parametrize("reference", ["Medication/gone", "https://elsewhere.example.org/Medication/m1", "#gone", ""])
def test_a_reference_that_leads_nowhere_is_a_gap(reference: str) -> None:
    one = without(order(medicationReference={"reference": reference}), "medicationCodeableConcept")
    found = chart(medications=searchset(one, MEDICATION))
    assert not found.medications
    assert reasons(found) == ["drug-unknown"]
    assert found.not_assessed["medications"] == 1


def test_a_draft_may_refer_to_a_medication_beside_it() -> None:
    draft = without(order(medicationReference={"reference": "Medication/m1"}), "medicationCodeableConcept")
    (found,) = chart(searchset(draft, MEDICATION), "order-sign").medications
    assert found.ingredients == ("baclofen",)


def test_a_medication_known_by_its_ingredients_only() -> None:
    ingredients = [
        {
            "itemCodeableConcept": {"coding": [{"system": RXNORM, "code": "1292", "display": "baclofen"}]},
            "strength": {
                "numerator": {"value": 10, "unit": "mg"},
                "denominator": {"value": 1, "unit": "tablet"},
            },
        }
    ]
    held = {"resourceType": "Medication", "id": "med", "ingredient": ingredients}
    dosage = [{"timing": {"code": {"text": "TID"}}, "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}]
    one = order(contained=[held], medicationReference={"reference": "#med"}, dosageInstruction=dosage)
    found = only(without(one, "medicationCodeableConcept"))
    assert (found.ingredients, found.name, found.confidence) == (("baclofen",), "baclofen", "code")
    assert found.dose.daily is not None
    assert found.dose.daily.high == 30


def test_every_coding_is_tried() -> None:
    local = {"system": "urn:oid:1.2.3", "code": "77", "display": "X", "userSelected": True}
    concept = {"coding": [local, HCTZ_25]}
    assert only(order(medicationCodeableConcept=concept)).confidence == "code"


def test_a_brand_by_text_only_is_found_by_name() -> None:
    found = only(order(medicationCodeableConcept={"text": "Lasix 40mg"}))
    assert (found.ingredients, found.confidence, found.name) == (("furosemide",), "name", "Lasix 40mg")


@pytest.mark.parametrize(
    "concept",
    [
        {"coding": [{"system": "http://fhir.de/CodeSystem/ifa/pzn", "code": "123"}]},
        {"coding": [{"system": "http://loinc.org", "code": "2823-3", "display": "a test"}]},
        {"text": "some unheard-of remedy"},
    ],
)
def test_medicines_not_understood_are_counted(concept: dict[str, Any]) -> None:
    found = chart(medications=searchset(order(medicationCodeableConcept=concept)))
    assert not found.medications
    assert found.not_assessed["medications"] == 1


def test_orders_without_subject_code_and_medicine_are_counted() -> None:
    bare = without(order(), "subject", "medicationCodeableConcept", "authoredOn")
    found = chart(medications=searchset(bare))
    assert found.not_assessed["medications"] == 1
    assert reasons(found) == ["drug-unknown"]


@pytest.mark.parametrize("extension", [[{"url": "http://example.org/x"}], {"url": "x"}, "x"])
def test_a_modifier_extension_forbids_reading(extension: Any) -> None:
    found = chart(medications=searchset(order(modifierExtension=extension)))
    assert not found.medications
    assert reasons(found) == ["not-interpreted"]


def test_an_empty_modifier_extension_forbids_nothing() -> None:
    assert only(order(modifierExtension=[])).role == "taken"


@pytest.mark.parametrize(
    ("members", "stopped"),
    [
        ({"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"end": "2026-02-20"}}}}]}, "2026-02-20"),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-02-21"}}}, "2026-02-21"),
        ({"dispenseRequest": {"validityPeriod": {"end": "2026-03-01"}}}, "2026-03-01"),
        ({"meta": {"lastUpdated": "2026-02-22T08:00:00Z"}}, "about 2026-02-22"),
        (
            {
                "dispenseRequest": {"validityPeriod": {"end": "2027-01-01"}},
                "meta": {"lastUpdated": "2026-02-22T08:00:00Z"},
            },
            "about 2026-02-22",
        ),
        ({}, ""),
    ],
)
def test_when_an_order_was_stopped(members: dict[str, Any], stopped: str) -> None:
    found = only(order(status="stopped", **members)).stopped
    said = f"{'about ' if found.about else ''}{found.first}" if found is not None else ""
    assert said == stopped


def test_start_and_last_change() -> None:
    bounds = [{"timing": {"repeat": {"boundsPeriod": {"start": "2025-12-24"}}}}]
    found = only(order(authoredOn="2026-01-10T10:00:00+01:00", dosageInstruction=bounds))
    assert found.started == Day(date(2025, 12, 24), date(2025, 12, 24))
    assert found.changed == Day(date(2026, 1, 10), date(2026, 1, 10))
    assert only(order(authoredOn="2026-01")).started == Day(date(2026, 1, 1), date(2026, 1, 31))
    assert only(order(authoredOn="${DATE, T, D, +0}")).started is None


def test_the_route_of_the_dosage_counts_before_that_of_the_product() -> None:
    intrathecal = {"route": {"coding": [{"system": SNOMED, "code": "72607000", "display": "Intrathecal route"}]}}
    oral = {"route": {"coding": [{"system": SNOMED, "code": "26643006", "display": "Oral route"}]}}
    assert only(order(coding=BACLOFEN_10)).route == "oral"
    assert only(order(coding=BACLOFEN_10, dosageInstruction=[intrathecal])).route == "intrathecal"
    assert only(order(coding=BACLOFEN_10, dosageInstruction=[intrathecal, oral])).route == ""


def test_reasons_by_code_by_reference_and_not_understood() -> None:
    cramp = {"coding": [{"system": SNOMED, "code": "449918009"}]}
    codes = [cramp, {"text": "something else"}, None]
    references = [{"reference": "Condition/c1"}, {"reference": "Condition/gone", "display": "leg trouble"}]
    found = only(order(reasonCode=codes, reasonReference=references), conditions=searchset(condition()))
    assert [(sorted(reason.concepts), reason.text, reason.understood) for reason in found.reasons] == [
        (["muscle-cramp"], "", True),
        ([], "something else", False),
        (["muscle-cramp"], "", True),
        ([], "leg trouble", False),
    ]


def test_renewals_of_one_drug_all_count_but_the_same_order_once() -> None:
    found = chart(medications=searchset(order("o1"), order("o2"), order("o1"))).medications
    assert [one.reference for one in found] == ["MedicationRequest/o1", "MedicationRequest/o2"]


def test_free_text_is_made_one_short_line() -> None:
    found = only(order(medicationCodeableConcept={"coding": [HCTZ_25], "text": "a\u200b\n\tb" + "x" * 500}))
    assert found.name.startswith("a b") or found.name.startswith("ab")
    assert len(found.name) == 120


def test_an_order_from_years_ago_without_an_end_is_still_taken() -> None:
    assert only(order(authoredOn=days_ago(2000))).role == "taken"


def test_several_versions_of_one_order_stand_as_delivered() -> None:
    """What has one name and one address has no order of its own; a shuffled one would change from process to process."""
    days = [days_ago(number) for number in range(1, 9)]
    versions = [{"fullUrl": "urn:uuid:1", "resource": without(order(authoredOn=day), "id")} for day in days]
    found = chart(medications={"resourceType": "Bundle", "type": "searchset", "entry": versions})
    assert [str(one.changed.first) for one in found.medications if one.changed] == [day[:10] for day in days]
