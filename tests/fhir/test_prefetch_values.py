"""Every shape of a prefetch value (docs/integrating.md, "Prefetch"), and resources of the wrong shape."""

from typing import Any

import pytest

from tests.fhir.fhir_samples import (
    allergy,
    chart,
    condition,
    gathered,
    order,
    patient,
    prefetch,
    reasons,
    result,
    searchset,
    without,
)

OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
WARNING = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-found"}]}
NEXT = {"link": [{"relation": "self", "url": "x"}, {"relation": "next", "url": "y"}]}


WORTH: list[tuple[Any, str, str]] = [
    (..., "absent", "unread"),
    (None, "empty", "read"),
    (searchset(), "empty", "read"),
    (without(searchset(), "entry"), "empty", "read"),
    (searchset(condition()), "ok", "read"),
    (searchset(condition(), **NEXT), "partial", "partial"),
    (searchset(**NEXT), "partial", "partial"),
    (searchset(condition(), total=7), "partial", "partial"),
    (searchset(condition(), total=1), "ok", "read"),
    (OUTCOME, "error", "unread"),
    (WARNING, "error", "unread"),
    (searchset(OUTCOME), "error", "unread"),
    (searchset(WARNING), "empty", "read"),
    (searchset(condition(), OUTCOME), "ok", "read"),
    (searchset(None), "error", "unread"),
    (searchset(None, condition()), "ok", "read"),
    (searchset({"resourceType": "Observation", "id": "x"}), "error", "unread"),
    (condition(), "ok", "read"),
    (patient(), "error", "unread"),
    ([condition()], "ok", "read"),
    ([], "empty", "read"),
    ("text", "error", "unread"),
    (7, "error", "unread"),
    ({}, "error", "unread"),
    (without(searchset(condition()), "resourceType"), "ok", "read"),
    (searchset(condition(), resourceType=""), "ok", "read"),
    ({"resourceType": "Bundle", "entry": {"resource": condition()}}, "ok", "read"),
    ({"resourceType": "Bundle", "entry": [{"resource": condition(), "fullUrl": 5}]}, "ok", "read"),
    ({"resourceType": "Bundle", "entry": [{"fullUrl": "x"}]}, "error", "unread"),
    ({"resourceType": "Bundle", "entry": "x"}, "error", "unread"),
    ({"resourceType": "Bundle", "link": "x", "entry": [{"resource": condition()}]}, "partial", "partial"),
    (searchset(searchset(condition())), "ok", "read"),
    (searchset(condition(subject={"reference": "Patient/other"})), "other-patient", "unread"),
]


@pytest.mark.parametrize(("value", "word", "state"), WORTH)
def test_what_a_key_is_worth(value: Any, word: str, state: str) -> None:
    found = gathered(prefetch(conditions=value))
    assert (found.prefetch["conditions"], found.states["conditions"]) == (word, state)
    assert (state == "read") == (not [gap for gap in found.gaps if gap.section == "conditions"])


def test_a_prefetch_value_that_is_no_json_is_unread() -> None:
    found = gathered(prefetch() | {"conditions": b"{oops"})
    assert found.states["conditions"] == "unread"


def test_sections_no_card_needs_are_not_decoded() -> None:
    from cds_service.chart import Needs
    from cds_service.fhir import gather
    from tests.fhir.fhir_samples import request

    found = gather(request(prefetch(conditions=OUTCOME)), Needs(frozenset({"patient"}), frozenset()))
    assert list(found.prefetch) == ["patient"]
    assert found.states["conditions"] == "unread"
    assert not found.gaps


def test_one_bad_resource_does_not_cost_the_others() -> None:
    bad = condition("bad", subject=[[1]], onsetDateTime=7, clinicalStatus={"coding": "x"})
    found = chart(conditions=searchset(bad, condition("good")))
    assert {problem.reference for problem in found.problems} == {"Condition/bad", "Condition/good"}
    gap = next(gap for gap in found.gaps if gap.reason == "wrong-shape")
    assert gap.reference == "Condition/bad"
    assert "Condition.subject" in gap.detail


def test_a_resource_that_is_no_object_is_skipped() -> None:
    value = searchset(condition()) | {"entry": [{"resource": 5}, {"resource": [1]}, "x", {"resource": condition()}]}
    assert len(chart(conditions=value).problems) == 1


@pytest.mark.parametrize(
    "members",
    [
        {"code": [{"coding": [{"system": "http://snomed.info/sct", "code": "449918009"}]}]},
        {"code": {"coding": {"system": "http://snomed.info/sct", "code": "449918009"}}},
        {"code": {"coding": [{"system": "http://snomed.info/sct", "code": 449918009}]}},
        {"clinicalStatus": "active"},
        {"subject": [{"reference": "Patient/p1"}]},
        {"subject": [None, {"reference": "Patient/p1"}], "bodySite": 7},
        {"clinicalStatus": [{"coding": [{"code": "active"}]}]},
        {"code": {"coding": [None, {"system": "http://snomed.info/sct", "code": " \t449918009\n"}]}},
    ],
)
def test_wrong_cardinality_and_older_shapes_are_fitted(members: dict[str, Any]) -> None:
    found = chart(conditions=searchset(condition(**members)))
    (problem,) = found.problems
    assert problem.active
    assert problem.concepts
    assert not found.gaps


def test_an_overflowing_number_costs_one_value_only() -> None:
    body = b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","id":"x","status":"final",'
    body += b'"code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},"effectiveDateTime":"2026-02-27",'
    body += b'"valueQuantity":{"value":1e400,"unit":"mmol/L"}}}]}'
    (found,) = chart(observations=body).labs["potassium"]
    assert found.value is None
    assert found.problem is not None
    assert found.problem.reason == "not-a-number"


def test_names_of_people_are_never_decoded() -> None:
    named = patient(name=[{"family": "Zyxwvut"}], address=[{"city": "Qqqq"}], identifier=[{"value": "Q-1"}])
    found = gathered(prefetch(patient=named))
    assert "Zyxwvut" not in repr(found)
    assert "Qqqq" not in repr(found)
    assert "Q-1" not in repr(found)


def test_data_of_another_patient_are_left_out_and_said() -> None:
    other = {"reference": "Patient/p2"}
    found = chart(
        medications=searchset(order("mine"), order("theirs", subject=other)),
        observations=searchset(result("mine"), result("theirs", subject=other, value=2.0)),
        allergies=searchset(allergy(patient=other)),
    )
    assert [medication.reference for medication in found.medications] == ["MedicationRequest/mine"]
    assert [one.reference for one in found.labs["potassium"]] == ["Observation/mine"]
    assert found.sections["allergies"] == "unread"
    assert reasons(found) == ["other-patient", "other-patient-entries", "other-patient-entries"]


@pytest.mark.parametrize(
    ("subject", "ours"),
    [
        ({"reference": "Patient/p1"}, True),
        ({"reference": "https://ehr.example.org/fhir/Patient/p1"}, True),
        ({"reference": "Patient/p1/_history/4"}, True),
        ({"reference": "urn:uuid:p1"}, True),
        ({"reference": "urn:uuid:0e7f"}, True),
        ({"identifier": {"value": "7"}}, True),
        ({"reference": "#pat"}, True),
        (None, True),
        ({"reference": "Patient/p10"}, False),
        ({"reference": "urn:uuid:ffff"}, False),
        ({"reference": "Group/p1"}, False),
    ],
)
def test_every_form_of_subject(subject: Any, ours: bool) -> None:
    with_address = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:0e7f", "resource": patient()}]}
    found = chart(patient=with_address, conditions=searchset(condition(subject=subject)))
    assert bool(found.problems) == ours


def test_another_patient_under_the_patient_key() -> None:
    found = chart(patient=patient(id="p2"))
    assert found.age is None
    assert found.sections["patient"] == "unread"
    assert reasons(found) == ["other-patient"]


def test_of_two_versions_of_a_resource_the_newer_counts_even_when_it_is_void() -> None:
    older = condition(meta={"lastUpdated": "2026-01-01T00:00:00Z"})
    void = {"coding": [{"code": "entered-in-error"}]}
    newer = condition(meta={"lastUpdated": "2026-02-01T00:00:00Z"}, verificationStatus=void)
    assert not chart(conditions=searchset(older, newer)).problems
    assert not chart(conditions=searchset(newer, older)).problems
