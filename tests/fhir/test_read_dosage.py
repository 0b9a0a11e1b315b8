"""Doses from dosage instructions: mg only, never from prose."""

from typing import Any

import pytest

from cds_service.chart import Dose, Range
from tests.fhir.fhir_samples import BACLOFEN_10, chart, order, searchset


def dose(*instructions: dict[str, Any], **members: Any) -> Dose:
    resource = order(coding=BACLOFEN_10, dosageInstruction=list(instructions), **members)
    (found,) = chart(medications=searchset(resource)).medications
    return found.dose


def amount(value: Any, unit: str | None = "mg", **more: Any) -> dict[str, Any]:
    quantity = {"value": value, "unit": unit} if unit else {"value": value}
    return {"doseAndRate": [{"doseQuantity": quantity}], **more}


def every(frequency: Any = 1, period: Any = 1, unit: str = "d", **more: Any) -> dict[str, Any]:
    return {"timing": {"repeat": {"frequency": frequency, "period": period, "periodUnit": unit, **more}}}


def daily(found: Dose) -> tuple[float, float] | None:
    return (round(found.daily.low, 6), round(found.daily.high, 6)) if found.daily is not None else None


@pytest.mark.parametrize(
    ("value", "unit", "mg"),
    [
        (10, "mg", 10),
        (0.01, "g", 10),
        (10, "milligram", 10),
        (10000, "ug", 10),
        (10000, "mcg", 10),
        (10, " MG ", 10),
        (2, "tablet", 20),
        (2, "TAB", 20),
        (1, "{tbl}", 10),
        (1, "stuk", 10),
    ],
)
def test_units_of_a_dose(value: float, unit: str, mg: float) -> None:
    assert daily(dose(amount(value, unit, **every()))) == (mg, mg)


@pytest.mark.parametrize(
    ("value", "unit", "problem"),
    [
        (1, None, "no unit"),
        (5, "mL", "not a weight"),
        (5, "mg/kg", "not a weight"),
        ("10", "mg", "not a number"),
        (-1, "mg", "not a number"),
        (None, "mg", "not a number"),
    ],
)
def test_doses_that_cannot_be_computed_say_why(value: Any, unit: str | None, problem: str) -> None:
    found = dose(amount(value, unit, **every()))
    assert found.daily is None
    assert problem in found.problem


@pytest.mark.parametrize(
    ("timing", "times"),
    [
        (every(3), (3, 3)),
        (every(1, 8, "h"), (3, 3)),
        (every(1, 2, "d"), (0.5, 0.5)),
        (every(2, 1, "wk"), (2 / 7, 2 / 7)),
        (every(2, 1, "d", frequencyMax=4), (2, 4)),
        (every(1, 4, "h", periodMax=6), (4, 6)),
        (every(1, 1, "d", dayOfWeek=["mon", "wed", "fri"]), (3 / 7, 3 / 7)),
        ({"timing": {"repeat": {"period": 1, "periodUnit": "d"}}}, (1, 1)),
        ({"timing": {"repeat": {"when": ["MORN", "NIGHT"]}}}, (2, 2)),
        ({"timing": {"repeat": {"timeOfDay": ["08:00:00", "20:00:00", "20:00:00"]}}}, (2, 2)),
        ({"timing": {"repeat": {"dayOfWeek": ["mon"]}}}, (1 / 7, 1 / 7)),
        ({"timing": {"code": {"coding": [{"code": "BID"}]}}}, (2, 2)),
        ({"timing": {"code": {"text": "Q6H"}}}, (4, 4)),
        ({"timing": {"repeat": {"boundsPeriod": {"start": "2026"}}, "code": {"coding": [{"code": "QD"}]}}}, (1, 1)),
        ({"timing": {"repeat": {"frequency": 2}}}, None),
        ({"timing": {"repeat": {"when": ["C"]}}}, None),
        ({"timing": {"code": {"text": "daily, as long as needed"}}}, None),
        (every(0), None),
        (every(1, 0), None),
        (every(1, 1, "fortnight"), None),
        (every(1e6), None),
        ({}, None),
    ],
)
def test_times_per_day(timing: dict[str, Any], times: tuple[float, float] | None) -> None:
    found = dose(amount(10, **timing)).times_per_day
    assert (found and (pytest.approx(found.low), pytest.approx(found.high))) == times


def test_a_range_and_as_needed_and_a_maximum() -> None:
    span = {"doseAndRate": [{"doseRange": {"low": {"value": 5}, "high": {"value": 10, "unit": "mg"}}}]}
    assert daily(dose(span | every(3))) == (15, 30)
    assert daily(dose(amount(10, **every(3), asNeededBoolean=True))) == (0, 30)
    assert daily(dose(amount(10, **every(3), asNeededCodeableConcept={"text": "cramps"}))) == (0, 30)
    assert daily(dose(amount(10, **every(3), asNeededBoolean=False))) == (30, 30)
    most = {"numerator": {"value": 25, "unit": "mg"}, "denominator": {"value": 24, "unit": "h"}}
    assert daily(dose(amount(10, **every(3), maxDosePerPeriod=most))) == (25, 25)
    assert daily(dose(amount(10, asNeededBoolean=True, maxDosePerPeriod=most))) == (0, 25)
    assert daily(dose(amount(10, maxDosePerPeriod=most))) is None


def test_several_instructions_add_up_unless_they_are_steps() -> None:
    morning, night = amount(5, **every()), amount(10, **every())
    assert daily(dose(morning, night)) == (15, 15)
    assert daily(dose(morning | {"sequence": 1}, night | {"sequence": 1})) == (15, 15)
    assert daily(dose(morning | {"sequence": 1}, night | {"sequence": 2})) == (5, 15)
    found = dose(morning, night)
    assert found.single is not None
    assert (found.single.low, found.single.high) == (5, 10)


def test_one_instruction_in_words_leaves_the_daily_dose_unknown() -> None:
    found = dose(amount(5, **every()), {"text": "and one more at night"})
    assert found.daily is None
    assert found.problem
    assert found.text == "and one more at night"


def test_the_ordered_dose_counts_before_the_calculated_one() -> None:
    kinds = [
        {"type": {"coding": [{"code": kind}]}, "doseQuantity": {"value": value, "unit": "mg"}}
        for kind, value in (("calculated", 7), ("ordered", 10))
    ]
    assert daily(dose({"doseAndRate": kinds, **every()})) == (10, 10)
    assert daily(dose({"doseAndRate": [without_type(kind) for kind in kinds], **every()})) is None


def without_type(kind: dict[str, Any]) -> dict[str, Any]:
    return {"doseQuantity": kind["doseQuantity"]}


def test_no_dosage_prose_only_and_extensions() -> None:
    assert dose().problem == "no dosage given"
    found = dose({"text": "Take 10 mg three times daily"})
    assert (found.daily, found.text) == (None, "Take 10 mg three times daily")
    assert dose(amount(10, **every(), modifierExtension=[{"url": "x"}])).daily is None


def test_a_part_left_out_makes_the_dose_unknown() -> None:
    found = dose(amount(10, **every()), {"doseAndRate": "twice"})
    assert found.daily is None
    assert "wrong shape" in found.problem


def test_the_parts_of_a_dosage_are_kept_where_they_are_taken_together() -> None:
    assert dose(amount(10, **every(3))).parts == ()
    both = dose(amount(10, **every(3)), amount(5, **every(1)))
    assert both.parts == (Range(30, 30), Range(5, 5))
    unread = dose(amount(10, **every(3)), {"text": "one more if needed"})
    assert (unread.daily, unread.parts) == (None, (Range(30, 30), None))
    steps = dose({**amount(10, **every(3)), "sequence": 1}, {**amount(5, **every(1)), "sequence": 2})
    assert steps.parts == ()
