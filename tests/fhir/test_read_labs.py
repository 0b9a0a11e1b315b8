"""Laboratory results: which count, what they are worth, which is the newest."""

from datetime import date
from typing import Any

import pytest

from cds_service.chart import Chart, Day, LabResult
from cds_service.fhir import gather, read_chart
from tests.fhir.fhir_samples import (
    LOINC,
    NEEDS,
    NOW,
    UCUM,
    chart,
    days_ago,
    prefetch,
    reasons,
    request,
    result,
    searchset,
    terms,
    without,
)


def read(*resources: dict[str, Any], **bundle: Any) -> Chart:
    return chart(observations=searchset(*resources, **bundle))


def newest(*resources: dict[str, Any], test: str = "potassium") -> LabResult:
    return read(*resources).labs[test][0]


def quantity(value: Any, **members: Any) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, **members}}


def test_a_result_keeps_everything_a_card_may_say() -> None:
    found = newest(
        result(value=3.10, referenceRange=[{"low": {"value": 3.5}, "high": {"value": 5.1, "unit": "mmol/L"}}])
    )
    assert found.value == 3.1
    assert found.day == Day(date(2026, 2, 26), date(2026, 2, 26))
    assert found.normal_low == 3.5
    assert (found.reference, found.as_reported, found.comparator) == ("Observation/r1", "3.1 mmol/L", "")
    assert found.problem is None


def test_the_number_is_quoted_as_sent() -> None:
    body = b'{"resourceType":"Observation","id":"x","status":"final","effectiveDateTime":"2026-02-27",'
    body += b'"code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}]},"valueQuantity":%b}'
    exact = chart(observations=body % b'{"value":3.10,"unit":"mEq/L"}').labs["potassium"][0]
    assert (exact.value, exact.as_reported) == (3.1, "3.10 mEq/L")
    long = chart(observations=body % b'{"value":3.1415926535897931,"unit":"mEq/L"}').labs["potassium"][0]
    assert long.as_reported == "3.14159 mEq/L"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (quantity(3.1), "no-unit"),
        (quantity(3.1, unit="furlong"), "unknown-unit"),
        (quantity(44, unit="mmol/L"), "implausible"),
        (quantity("3.1", unit="mmol/L"), "not-a-number"),
        (quantity(None, unit="mmol/L"), "not-a-number"),
        (quantity(3.1, unit="mmol/L", comparator="less than"), "unknown-comparator"),
        ({"valueQuantity": None, "valueBoolean": True}, "not-a-number"),
        ({"valueQuantity": None, "valueString": "3.1 mmol/L"}, "not-a-number"),
        ({"valueQuantity": None}, "no-value"),
        ({"valueQuantity": None, "dataAbsentReason": {"coding": [{"code": "error"}]}}, "no-value"),
        ({"specimen": {"display": "Urine, random"}}, "other-specimen"),
        ({"bodySite": {"text": "CRRT circuit"}}, "other-specimen"),
        (
            {
                "contained": [{"resourceType": "Specimen", "id": "s", "type": {"text": "Dialysate"}}],
                "specimen": {"reference": "#s"},
            },
            "other-specimen",
        ),
        ({"code": {"coding": [{"system": LOINC, "code": "2823-3"}], "text": "Potassium, urine"}}, "other-specimen"),
        ({"code": {"coding": [{"system": LOINC, "code": "2823-3", "display": "Phosphate"}]}}, "conflicting-codes"),
        ({"modifierExtension": [{"url": "x"}]}, "not-interpreted"),
    ],
)
def test_an_unusable_newest_result_stays_and_is_never_replaced_by_an_older_one(
    members: dict[str, Any], reason: str
) -> None:
    found = read(result("old", 4.0, effectiveDateTime=days_ago(9)), result(**members))
    latest = found.labs["potassium"][0]
    assert latest.reference == "Observation/r1"
    assert latest.value is None
    assert latest.problem is not None
    assert (latest.problem.reason, latest.problem.about) == (reason, "potassium")
    assert latest.problem in found.gaps


def test_an_unusable_older_result_is_no_gap_of_the_chart() -> None:
    times = {"effectiveDateTime": "2026-02-27T09:00:00Z"}, {"effectiveDateTime": "2026-02-27T08:00:00Z"}
    found = read(result("new", **times[0]), result("old", **times[1], **quantity(3.1)))
    assert not found.gaps
    assert found.labs["potassium"][1].problem is not None


@pytest.mark.parametrize(("sent", "kept"), [("<", "<"), (">=", ">="), (" > ", ">"), ("", ""), ("some words", "")])
def test_comparators_are_kept(sent: str, kept: str) -> None:
    assert newest(result(**quantity(3.0, unit="mmol/L", comparator=sent))).comparator == kept


@pytest.mark.parametrize(
    ("status", "counts", "note"),
    [
        ("final", True, ""),
        ("amended", True, ""),
        ("corrected", True, ""),
        ("final ", True, ""),
        ("unknown", True, "status unknown"),
        ("finald", True, "status missing or not understood"),
        (None, True, "status missing or not understood"),
        ("entered-in-error", False, ""),
        ("entered-in-error ", False, ""),
        ("cancelled", False, ""),
    ],
)
def test_statuses(status: str | None, counts: bool, note: str) -> None:
    labs = read(result(status=status)).labs
    assert bool(labs) == counts
    if counts:
        assert labs["potassium"][0].notes == ((note,) if note else ())


def test_preliminary_results_count_only_when_there_is_nothing_else() -> None:
    assert newest(result(status="preliminary")).preliminary
    found = read(result("p", 2.4, status="preliminary", effectiveDateTime=days_ago(1)), result("f", 4.0))
    assert [one.reference for one in found.labs["potassium"]] == ["Observation/f"]
    assert reasons(found) == ["newer-preliminary"]
    assert not read(result("p", status="registered", effectiveDateTime=days_ago(5)), result("f")).gaps


def test_a_registered_result_without_a_value_is_not_there_yet() -> None:
    found = read(without(result(status="registered"), "valueQuantity"))
    assert not found.labs
    assert not found.gaps


@pytest.mark.parametrize(
    ("members", "day"),
    [
        ({"effectiveDateTime": "2026-02-20T23:30:00-05:00"}, "2026-02-20"),
        ({"effectiveDateTime": "2026-02-20"}, "2026-02-20"),
        ({"effectiveDateTime": "2026-02-20T10:00:00"}, "2026-02-20"),
        ({"effectiveDateTime": "2026-02-20T10:00:00.123456789Z"}, "2026-02-20"),
        ({"effectiveDateTime": "2026-02"}, "2026-02-01"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-02-18", "end": "2026-02-19"}}, "2026-02-19"),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": "2026-02-18"}}, "2026-02-18"),
        ({"effectiveDateTime": None, "effectiveInstant": "2026-02-17T10:00:00Z"}, "2026-02-17"),
        ({"effectiveDateTime": None, "issued": "2026-02-16T10:00:00Z"}, "2026-02-16"),
        ({"effectiveDateTime": "${DATE, T, D, +0}", "issued": "2026-02-16T10:00:00Z"}, "2026-02-16"),
    ],
)
def test_the_time_of_a_result(members: dict[str, Any], day: str) -> None:
    found = newest(result(**members))
    assert str(found.day.first) == day
    assert found.value == 3.1


@pytest.mark.parametrize("stamp", [None, "", "not a date", "${DATE}", "2026-13-45", "0000", "20260220", 7])
def test_an_undated_result_stands_aside_unless_it_is_the_only_one(stamp: Any) -> None:
    undated = result("u", 2.4, effectiveDateTime=stamp)
    alone = read(undated)
    assert alone.labs["potassium"][0].value is None
    assert alone.labs["potassium"][0].day.last == NOW.date()
    assert "no-date" in reasons(alone)
    beside = read(undated, result("d", 4.0))
    assert [one.value for one in beside.labs["potassium"]] == [4.0]
    assert "no-date" in reasons(beside)


def test_a_result_from_the_future_is_a_gap() -> None:
    found = read(result("f", effectiveDateTime=days_ago(-2)), result("today", 4.0, effectiveDateTime=days_ago(-0.5)))
    assert [one.reference for one in found.labs["potassium"]] == ["Observation/today"]
    assert reasons(found) == ["future-date"]


def test_newest_by_time_then_release_then_correction() -> None:
    later = result("later", 4.1, effectiveDateTime=days_ago(1), issued=days_ago(1))
    issued_late = result("issued-late", 4.2, effectiveDateTime=days_ago(2), issued=days_ago(0))
    assert newest(issued_late, later).reference == "Observation/later"
    again = result("again", 4.3, effectiveDateTime=days_ago(2), issued=days_ago(1))
    assert newest(again, issued_late).reference == "Observation/issued-late"
    corrected = result("corrected", 4.4, status="corrected")
    assert newest(result(), corrected).reference == "Observation/corrected"


def test_whole_blood_and_serum_codes_are_one_test_and_unknown_codes_none() -> None:
    found = read(result("a", loinc="6298-4"), result("b"), result("urine", loinc="2828-2"), result("z", loinc="1-1"))
    assert len(found.labs["potassium"]) == 2
    assert list(found.labs) == ["potassium"]


def test_units_are_converted_with_the_own_range() -> None:
    normal = [{"low": {"value": 1.6}, "high": {"value": 2.6}}]
    found = newest(result(value=1.7, loinc="19123-9", unit="mg/dL", referenceRange=normal), test="magnesium")
    assert found.value == pytest.approx(0.6994, abs=0.001)
    assert found.normal_low == pytest.approx(0.6583, abs=0.001)
    assert found.as_reported == "1.7 mg/dL"


@pytest.mark.parametrize(
    "ranges",
    [
        [{"text": "3.6-5.1"}],
        [{"low": {"value": 3.5}}, {"low": {"value": 3.6}}],
        [{"low": {"value": 3.5}, "type": {"coding": [{"code": "treatment"}]}}],
        [None],
        [{"low": {"value": "x"}}],
    ],
)
def test_ranges_that_are_not_clear_are_not_read(ranges: list[Any]) -> None:
    assert newest(result(referenceRange=ranges)).normal_low is None


@pytest.mark.parametrize(
    ("members", "noted"),
    [
        ({"note": [{"text": "Specimen grossly hemolyzed"}]}, True),
        ({"interpretation": [{"text": "Haemolysed"}]}, True),
        ({"comment": "slight haemolysis"}, True),
        ({"note": [{"text": "Specimen not hemolyzed"}]}, False),
        ({"note": [{"text": "No visible hemolysis."}]}, False),
        ({"note": [{"text": "Hemolysis index: none"}]}, False),
        ({"note": [{"text": "fasting"}, None]}, False),
        ({"interpretation": [{"text": "hemoly" * 3_000}]}, True),
        ({"interpretation": [{"text": "hemolysis" + " " * 19_000 + "none"}]}, False),
        ({}, False),
    ],
)
def test_haemolysis(members: dict[str, Any], noted: bool) -> None:
    assert newest(result(**members)).haemolysed == noted


def test_components_with_codes_of_their_own() -> None:
    parts = [
        {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {"value": value, "unit": "mmol/L", "system": UCUM, "code": "mmol/L"},
        }
        for code, value in (("2823-3", 3.2), ("2951-2", 133))
    ]
    panel = without(result("panel", loinc="24321-2", component=[*parts, None]), "valueQuantity")
    found = read(panel)
    assert {test: labs[0].value for test, labs in found.labs.items()} == {"potassium": 3.2, "sodium": 133}
    assert found.labs["sodium"][0].day.first == date(2026, 2, 26)


def test_a_heading_named_like_its_member_is_no_result() -> None:
    heading = without(result("panel", hasMember=[{"reference": "Observation/r1"}]), "valueQuantity")
    found = read(heading, result())
    assert [one.reference for one in found.labs["potassium"]] == ["Observation/r1"]
    assert not found.gaps


def test_observations_contained_in_a_report_borrow_its_time() -> None:
    held = without(result("k"), "effectiveDateTime", "subject")
    report = {
        "resourceType": "DiagnosticReport",
        "id": "d",
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": days_ago(4),
        "specimen": [{"reference": "Specimen/1"}],
        "contained": [held],
    }
    found = newest(report)
    assert (found.reference, str(found.day.first)) == ("DiagnosticReport/d#k", "2026-02-25")


def test_exact_duplicates_without_an_id_collapse() -> None:
    bare = without(result(), "id")
    assert len(read(bare, bare).labs["potassium"]) == 1


NEXT = {"link": [{"relation": "next", "url": "x"}]}


def test_a_page_in_descending_time_shows_the_newest() -> None:
    found = read(result("a"), result("b", effectiveDateTime=days_ago(8)), **NEXT)
    assert found.sections["observations"] == "partial"
    assert found.labs["potassium"][0].value == 3.1


@pytest.mark.parametrize("order", [("b", "a"), ("a",)])
def test_a_page_that_may_hide_newer_results_shows_none(order: tuple[str, ...]) -> None:
    known = {"a": result("a"), "b": result("b", effectiveDateTime=days_ago(8))}
    found = read(*(known[name] for name in order), **NEXT)
    latest = found.labs["potassium"][0]
    assert latest.value is None
    assert latest.problem is not None
    assert latest.problem.reason == "partial"


def test_a_variant_and_the_care_a_code_needs() -> None:
    found = newest(result(value=1.1, loinc="1995-0"), test="calcium")
    assert found.variant == "ionised"
    assert newest(result(loinc="29349-8")).notes


def test_a_long_history_is_read_until_a_result_can_be_used() -> None:
    useless = [result(f"u{n}", effectiveDateTime=days_ago(n), **quantity(3.1)) for n in range(1, 7)]
    old = [result(f"o{n}", 4.0, effectiveDateTime=days_ago(10 + n)) for n in range(3)]
    found = read(*useless, *old).labs["potassium"]
    assert [one.value for one in found] == [None] * 6 + [4.0]


def test_of_a_long_history_whole_days_are_kept() -> None:
    today = [result(f"t{n}", 4.0, effectiveDateTime=f"2026-02-27T0{n}:00:00Z") for n in range(6)]
    older = [result(f"o{n}", 4.0, effectiveDateTime=days_ago(10 + n)) for n in range(6)]
    found = read(*older, *today).labs["potassium"]
    assert [one.reference for one in found] == [f"Observation/t{n}" for n in reversed(range(6))]


def test_only_the_tests_asked_for_are_read_and_what_they_are_calculated_from() -> None:
    held = searchset(
        result("k"), result("c", 1.2, loinc="2160-0", unit="mg/dL"), result("na", 140, loinc="2951-2", unit="mmol/L")
    )
    found = chart(observations=held, tests={"egfr"})
    assert sorted(found.labs) == ["creatinine", "egfr"]
    assert found.labs["egfr"] == chart(observations=held).labs["egfr"]
    assert sorted(chart(observations=held, tests={"potassium"}).labs) == ["potassium"]


def test_the_time_is_looked_at_between_results_that_are_read() -> None:
    """Thousands of results of one day are all read: that must not be one piece of work."""
    checks: list[int] = []
    call = request(prefetch(observations=searchset(*[result(f"r{n}", 4.0) for n in range(50)])))
    found = read_chart(call, gather(call, NEEDS), terms(), NOW, check=lambda: checks.append(1))
    assert len(found.labs["potassium"]) == 50
    assert len(checks) >= 2 * 50  # as they are found, and as they are read
