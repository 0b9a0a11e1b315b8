"""What must hold for any input: the chart does not depend on how the same facts are delivered, and nothing raises."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.chart import Chart
from cds_service.fhir import gather, read_chart
from tests.fhir.fhir_samples import (
    BACLOFEN_10,
    NEEDS,
    NOW,
    allergy,
    chart,
    condition,
    days_ago,
    order,
    patient,
    prefetch,
    request,
    result,
    searchset,
    terms,
    without,
)

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ORDERS = [
    order("o1"),
    order("o2", BACLOFEN_10, status="stopped", meta={"lastUpdated": "2026-01-01T00:00:00Z"}),
    order("o3", {"display": "baclofen"}),
    without(order("x"), "id"),
    without(order("y", BACLOFEN_10), "id"),
    order("o4", modifierExtension=[{"url": "x"}]),
]
RESULTS = [
    result("r1"),
    result("r2", 4.0, effectiveDateTime=days_ago(3)),
    result("r3", 1.6, loinc="19123-9", unit="mg/dL"),
    result("r4", 2.0, status="preliminary", effectiveDateTime=days_ago(1)),
    result("r5", effectiveDateTime=None),
    without(result("r6", 133, loinc="2951-2"), "id"),
]
CONDITIONS = [condition("c1"), condition("c2", recordedDate="2024"), without(condition("c3", "19943007"), "id")]
ALLERGIES = [allergy("a1"), allergy("a2", clinicalStatus="resolved")]
IRRELEVANT: list[Any] = [
    None,
    {"resourceType": "Encounter", "id": "e", "code": "x", "subject": 7},
    {"resourceType": "OperationOutcome", "issue": [{"severity": "warning"}]},
    {"resourceType": "MedicinalProduct", "type": {"coding": []}},
    {"resourceType": "FamilyMemberHistory", "condition": [{"code": {"text": "cramp"}}]},
]
SECTIONS = {"medications": ORDERS, "observations": RESULTS, "conditions": CONDITIONS, "allergies": ALLERGIES}
BASE = {name: searchset(*resources) for name, resources in SECTIONS.items()}


@st.composite
def redelivered(draw: st.DrawFn) -> dict[str, Any]:
    """The same resources in another order, some of them twice, with others between them."""
    values = {}
    for name, resources in SECTIONS.items():
        again = draw(st.lists(st.sampled_from(resources), max_size=3))
        beside = draw(st.lists(st.sampled_from(IRRELEVANT), max_size=3))
        values[name] = searchset(*draw(st.permutations([*resources, *again, *beside])))
    return values


def plain(found: Chart) -> Chart:
    """A chart without the count of codes not understood, which may count a duplicate without an id twice."""
    return replace(found, not_assessed={})


@QUICK
@given(redelivered())
def test_order_duplicates_and_irrelevant_resources_never_change_the_chart(values: dict[str, Any]) -> None:
    assert plain(chart(**values)) == plain(chart(**BASE))


@QUICK
@given(redelivered())
def test_the_order_of_drafts_never_changes_the_chart(values: dict[str, Any]) -> None:
    base = chart(BASE["medications"], "order-sign")
    assert plain(chart(values["medications"], "order-sign")) == plain(base)


@QUICK
@given(st.integers(11, 49).map(lambda tenths: tenths / 10))
def test_equivalent_units_give_the_same_value(value: float) -> None:
    magnesium = [
        chart(observations=searchset(result(value=amount, loinc="2601-3", unit=unit))).labs["magnesium"][0].value
        for amount, unit in ((value, "mmol/L"), (value * 2, "mEq/L"), (value * 2.4305, "mg/dL"))
    ]
    assert max(found or 0 for found in magnesium) - min(found or 9 for found in magnesium) < 1e-6


MEMBERS = [
    "resourceType", "id", "meta", "contained", "modifierExtension", "status", "intent", "doNotPerform",
    "reportedBoolean",
    "medicationCodeableConcept", "medicationReference", "clinicalStatus", "verificationStatus", "code", "bodySite",
    "subject", "patient", "requester", "authoredOn", "effectiveDateTime", "effectivePeriod", "issued", "valueQuantity",
    "valueBoolean", "valueDateTime", "interpretation", "note", "specimen", "referenceRange", "hasMember", "component",
    "onsetDateTime", "abatementDateTime", "reasonCode", "reasonReference", "dosageInstruction", "dispenseRequest",
    "birthDate", "gender", "link", "entry", "total", "ingredient", "coding", "text", "system", "display", "reference",
    "value", "unit", "low", "high", "start", "end", "timing", "repeat", "frequency", "period", "periodUnit", "when",
    "doseAndRate", "doseQuantity", "asNeededBoolean", "maxDosePerPeriod", "numerator", "denominator", "resource",
]  # fmt: skip
WORDS = [
    "active",
    "final",
    "Patient/p1",
    "#a",
    "a",
    "http://loinc.org",
    "2823-3",
    "2026-02-01",
    "mg",
    "d",
    "\ud800",
    "\u0000",
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=5)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=20,
)
MODELS = [*ORDERS[:2], *RESULTS[:2], CONDITIONS[0], ALLERGIES[0], patient()]


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A good resource with some members replaced by anything."""
    changes = draw(st.dictionaries(st.sampled_from(MEMBERS), ANYTHING, max_size=4))
    return draw(st.sampled_from(MODELS)) | changes


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(damaged() | ANYTHING, max_size=4), ANYTHING, st.lists(st.sampled_from(["o1", "x"]), max_size=1))
def test_nothing_raises(resources: list[Any], value: Any, selections: list[str]) -> None:
    bundle = searchset(*resources)
    values = prefetch(
        **dict.fromkeys(("medications", "observations", "conditions", "allergies"), bundle), patient=value
    )
    call = request(values, bundle, "order-select", selections)
    found = read_chart(call, gather(call, NEEDS), terms(), NOW)
    json.dumps([[one.name for one in found.medications], [gap.detail for gap in found.gaps]]).encode()
    assert found.sections


def test_a_good_section_survives_a_damaged_neighbour() -> None:
    found = chart(**(BASE | {"conditions": "oops"}))
    assert found.sections["conditions"] == "unread"
    assert found.medications == chart(**BASE).medications
