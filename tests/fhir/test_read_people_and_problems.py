"""Age and sex, the problem list, stated conditions, allergies."""

from typing import Any

import pytest

from cds_service.chart import Problem, Range
from tests.fhir.fhir_samples import (
    LOINC,
    SNOMED,
    allergy,
    chart,
    condition,
    days_ago,
    patient,
    reasons,
    searchset,
    without,
)


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1950-06-15", (75, 75)),
        ("1950-03-01", (76, 76)),
        ("1950-03-02", (75, 75)),
        ("1950-06", (75, 75)),
        ("1950-03", (75, 76)),
        ("1950", (75, 76)),
        ("2026", (0, 0)),
        ("1950-06-15T10:00:00Z", (75, 75)),
        (None, None),
        ("", None),
        ("not a date", None),
        ("1950-02-30", None),
        ("1950-00-01", None),
        ("1950-06-00", None),
        ("1950" * 100_000, None),
        ("1850", None),
        ("2027-01-01", None),
    ],
)
def test_age(born: str | None, age: tuple[float, float] | None) -> None:
    found = chart(patient=patient(birthDate=born))
    assert found.age == (Range(*map(float, age)) if age else None)
    assert (age is None) == (reasons(found) == ["no-birth-date"])


@pytest.mark.parametrize(
    ("gender", "sex"), [("female", "female"), ("Male ", "male"), ("other", None), ("unknown", None), (None, None)]
)
def test_sex(gender: str | None, sex: str | None) -> None:
    assert chart(patient=patient(gender=gender)).sex == sex


def status(code: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": code}]}


def only(**members: Any) -> Problem:
    (found,) = chart(conditions=searchset(condition(**members))).problems
    return found


@pytest.mark.parametrize(
    ("members", "active"),
    [
        ({}, True),
        ({"clinicalStatus": status("active")}, True),
        ({"clinicalStatus": status("recurrence")}, True),
        ({"clinicalStatus": status("relapse")}, True),
        ({"clinicalStatus": status("odd")}, True),
        ({"clinicalStatus": status("inactive")}, False),
        ({"clinicalStatus": status("remission")}, False),
        ({"clinicalStatus": status(" Resolved ")}, False),
        ({"clinicalStatus": "resolved"}, False),
        ({"clinicalStatus": {"text": "resolved"}}, False),
        ({"clinicalStatus": status("active"), "abatementDateTime": "2025-01-01"}, False),
        ({"clinicalStatus": status("active"), "abatementDateTime": "2027-01-01"}, True),
        ({"abatementPeriod": {"end": "2025"}}, False),
        ({"abatementAge": {"value": 40}}, False),
        ({"abatementString": "two years ago"}, False),
        ({"abatementBoolean": True}, False),
    ],
)
def test_active_conditions(members: dict[str, Any], active: bool) -> None:
    assert only(**members).active == active


@pytest.mark.parametrize("code", ["refuted", "entered-in-error", " Refuted"])
def test_refuted_and_void_conditions_are_left_out(code: str) -> None:
    assert not chart(conditions=searchset(condition(verificationStatus=status(code)))).problems


@pytest.mark.parametrize("code", ["confirmed", "unconfirmed", "provisional", "differential", "odd"])
def test_all_other_verification_counts(code: str) -> None:
    assert only(verificationStatus=status(code)).concepts == {"muscle-cramp"}


def test_words_alone_are_unclear() -> None:
    found = only(code={"text": "Nocturnal leg cramps"})
    assert (found.concepts, found.unclear) == (frozenset(), {"muscle-cramp"})
    assert found.name == "Nocturnal leg cramps"


def test_conditions_without_meaning_are_counted_and_family_history_never_counts() -> None:
    family = condition("f") | {"resourceType": "FamilyMemberHistory"}
    bare = without(condition("bare"), "subject", "code")
    found = chart(conditions=searchset(family, bare, condition("x", "73211009")))
    assert not found.problems
    assert found.not_assessed["conditions"] == 2


def test_a_condition_with_a_modifier_extension_is_not_interpreted() -> None:
    found = chart(conditions=searchset(condition(modifierExtension=[{"url": "x"}])))
    assert not found.problems
    assert reasons(found) == ["not-interpreted"]


def test_when_a_condition_was_recorded() -> None:
    recorded = only(recordedDate="2025-05").recorded
    onset = only(onsetDateTime="2024-04-04").recorded
    assert recorded is not None
    assert onset is not None
    assert (str(recorded.first), str(recorded.last), recorded.about) == ("2025-05-01", "2025-05-31", False)
    assert (str(onset.first), onset.about) == ("2024-04-04", True)


def statement(name: str = "s", said: str | None = "77386006", days: float = 30, **members: Any) -> dict[str, Any]:
    value = {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": said}]}} if said else {}
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "82810-3", "display": "Pregnancy status"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": days_ago(days),
        **value,
        **members,
    }


def due(date: str, days: float = 30) -> dict[str, Any]:
    code = {"coding": [{"system": LOINC, "code": "11778-8", "display": "Delivery date Estimated"}]}
    return statement("due", None, days, code=code, valueDateTime=date)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([statement()], (True, True)),
        ([statement(days=400)], (False, True)),
        ([statement(said="60001007")], None),
        ([statement(said="1")], (True, False)),
        ([statement(said=None, valueBoolean=True)], (True, True)),
        ([statement(said=None, valueBoolean=False)], None),
        ([statement(), statement("later", "60001007", 3)], None),
        ([statement(), statement("earlier", "60001007", 60)], (True, True)),
        ([statement(status="entered-in-error")], None),
        ([statement(effectiveDateTime="?")], None),
        ([due("2026-06-01")], (True, True)),
        ([due("2025-06-01")], None),
        ([due("2026-06-01"), statement("no", "60001007", 3)], None),
        ([statement(modifierExtension=[{"url": "x"}])], (True, False)),
    ],
)
def test_conditions_stated_by_observations(resources: list[dict[str, Any]], expected: tuple[bool, bool] | None) -> None:
    found = chart(observations=searchset(*resources)).problems
    if expected is None:
        assert not found
    else:
        active, sure = expected
        (problem,) = found
        assert problem.active == active
        assert (problem.concepts if sure else problem.unclear) == {"pregnancy"}


def test_allergies_by_code_by_words_and_by_reaction() -> None:
    by_words = allergy("b", code={"text": "tonic water"})
    by_reaction = allergy("c", code=None, reaction=[{"substance": allergy()["code"]}, None])
    found = chart(allergies=searchset(allergy("a"), by_words, by_reaction)).allergies
    assert {one.reference[-1]: bool(one.substances | one.unclear) for one in found} == {"a": True, "b": True, "c": True}
    assert next(one for one in found if one.reference.endswith("/a")).substances >= {"quinine"}


def test_allergy_statuses() -> None:
    resolved = allergy("r", clinicalStatus=status("resolved"))
    refuted = allergy("x", verificationStatus=status("refuted"))
    other = allergy("o", code={"text": "peanut"})
    found = chart(allergies=searchset(allergy("a", category=["medication"], type="allergy"), resolved, refuted, other))
    assert [(one.reference, one.active) for one in found.allergies] == [
        ("AllergyIntolerance/a", True),
        ("AllergyIntolerance/r", False),
    ]
    assert found.not_assessed["allergies"] == 1
