"""Which test a result belongs to, and its number in the unit of that test."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.terminology import Coding, Unusable
from cds_service.terminology.check_digits import loinc_is_valid, snomed_is_valid
from cds_service.terminology.derived import adjusted_total, filtration_rate
from tests.terminology.shared_lists import SHARED

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


def lab(terms, *codes, display=""):
    return terms.lab([Coding(LOINC, code, display) for code in codes])


@pytest.mark.parametrize(
    ("code", "test", "variant"),
    [
        ("2951-2", "sodium", ""),
        ("2947-0", "sodium", ""),
        ("2823-3", "potassium", ""),
        ("6298-4", "potassium", ""),
        ("19123-9", "magnesium", ""),
        ("2601-3", "magnesium", ""),
        ("17861-6", "calcium", "unadjusted"),
        ("2000-8", "calcium", "unadjusted"),
        ("49765-1", "calcium", "unadjusted"),
        ("29265-6", "calcium", "lab-adjusted"),
        ("1994-3", "calcium", "ionised"),
        ("1995-0", "calcium", "ionised"),
        ("1751-7", "albumin", ""),
        ("2160-0", "creatinine", ""),
        ("38483-4", "creatinine", ""),
        ("14682-9", "creatinine", ""),
        ("98979-8", "egfr", ""),
        ("33914-3", "egfr", ""),
        ("8636-3", "qtc", ""),
        ("777-3", "platelets", ""),
        ("2345-7", "glucose", ""),
    ],
)
def test_anchor_codes(terms, code, test, variant):
    match = lab(terms, code)
    assert (match.test, match.variant, match.care, match.conflict) == (test, variant, "", "")


def test_no_look_alike_counts(terms):
    with (SHARED / "labs.csv").open(encoding="utf-8", newline="") as lines:
        never = [row["code"] for row in csv.DictReader(lines) if row["use"] == "never"]
    assert len(never) > 90
    assert [code for code in never if lab(terms, code)] == []


@pytest.mark.parametrize("code", ["50384-7", "8634-8", "14959-1", "9318-7", "2955-3", "2824-1", "2597-3"])
def test_named_traps(terms, code):
    assert lab(terms, code) is None


def test_the_system_must_be_loinc(terms):
    assert terms.lab([Coding("http://example.org", "2823-3", "Potassium")]) is None
    assert terms.lab([Coding("urn:oid:2.16.840.1.113883.6.1", "2823-3", "")]).test == "potassium"


def test_dialysis_codes_need_care(terms):
    assert lab(terms, "29349-8").care


@pytest.mark.parametrize(
    ("code", "display", "conflict"),
    [
        ("2823-3", "Phosphate [Mass/volume] in Serum or Plasma", True),
        ("2823-3", "Sodium", True),
        ("2823-3", "Potassium Level", False),
        ("2823-3", "K SerPl-sCnc", False),
        ("2823-3", "Lab result 17", False),
        ("2000-8", "Calcium.ionized [Moles/volume]", True),
        ("1994-3", "Calcium.ionized [Moles/volume] in Serum", False),
        ("29265-6", "Calcium corrected for albumin", False),
        ("33914-3", "Estimated Glomerular Filtration Rate", False),
        ("17861-6", "Calcium [Mass/\u200bvolume] in Serum or Plasma", False),
    ],
)
def test_a_display_that_names_another_test_is_a_conflict(terms, code, display, conflict):
    assert bool(lab(terms, code, display=display).conflict) is conflict


def test_codings_that_name_different_variants_conflict(terms):
    assert lab(terms, "2000-8", "1995-0").conflict
    assert lab(terms, "2000-8", "13959-2").conflict
    assert not lab(terms, "2000-8", "17861-6").conflict


@pytest.mark.parametrize(
    ("test", "value", "unit", "code", "expected"),
    [
        ("potassium", 2.9, "mmol/L", "mmol/L", 2.9),
        ("potassium", 2.9, "mEq/L", "", 2.9),
        ("potassium", 2.9, "", "meq/L", 2.9),
        ("sodium", 128, "MEQ/L", "", 128.0),
        ("magnesium", 1.70, "mg/dL", "mg/dL", 0.699444559),
        ("magnesium", 1.2, "mEq/L", "", 0.6),
        ("calcium", 8.8, "mg/dl", "", 2.195718349),
        ("calcium", 5, "mEq/L", "meq/L", 2.5),
        ("calcium", 100.0, "mg/L", "", 2.495134488),
        ("creatinine", 1.0, "milligram per deciliter", "", 88.402),
        ("creatinine", 0.07, "mmol/L", "mmol/L", 70.0),
        ("creatinine", 88.0, "µmol/L", "umol/L", 88.0),
        ("albumin", 4.0, "g/dL", "g/dL", 40.0),
        ("platelets", 150, "K/uL", "", 150.0),
        ("platelets", 150, "10*3/uL", "10*3/uL", 150.0),
        ("platelets", 150, "G/L", "", 150.0),
        ("egfr", 55, "mL/min/1.73m2", "", 55.0),
        ("egfr", 55, "mL/min", "mL/min/{1.73_m2}", 55.0),
        ("glucose", 180, "mg/dL", "", 9.991340838),
    ],
)
def test_units(terms, test, value, unit, code, expected):
    assert terms.quantity(test, value, unit, code, UCUM if code else "") == expected


@pytest.mark.parametrize(
    ("test", "value", "unit", "code", "system", "reason"),
    [
        ("potassium", 5.6, "", "", "", "no-unit"),
        ("potassium", 5.6, "", "258814008", "http://snomed.info/sct", "no-unit"),
        ("potassium", 5.6, "bananas", "", "", "unknown-unit"),
        ("potassium", 13.2, "mg/dL", "mg/dL", UCUM, "unknown-unit"),
        ("potassium", 5.6, "mmol/L", "g/dL", UCUM, "unknown-unit"),
        ("sodium", 5, "meq/L", "meq/L", UCUM, "implausible"),
        ("calcium", 9.4, "mmol/L", "mmol/L", UCUM, "implausible"),
        ("creatinine", 1.0, "mg/dL", "umol/L", UCUM, "unit-conflict"),
        ("potassium", float("nan"), "mmol/L", "", "", "not-a-number"),
    ],
)
def test_unusable_numbers(terms, test, value, unit, code, system, reason):
    result = terms.quantity(test, value, unit, code, system)
    assert isinstance(result, Unusable)
    assert result.reason == reason
    assert result.detail


def test_trailing_slash_and_foreign_unit_system(terms):
    assert terms.quantity("potassium", 4.0, "", "mmol/L", UCUM + "/") == 4.0
    assert terms.quantity("potassium", 4.0, "mmol/L", "258814008", "http://snomed.info/sct") == 4.0


@settings(max_examples=60)
@given(value=st.floats(min_value=0.8, max_value=5.0, allow_nan=False))
def test_calcium_there_and_back(terms, value):
    there = terms.quantity("calcium", value * 4.0078, "mg/dL", "", "")
    assert isinstance(there, Unusable) or abs(there - value) < 1e-8


def test_every_conversion_agrees_with_a_second_factor_table(terms):
    """The factors of the MIRACUM conversion table, read independently."""
    for test, factor in (("calcium", 0.2495), ("magnesium", 0.41135)):
        assert terms.quantity(test, 2.0 / factor, "mg/dL", "", "") == pytest.approx(2.0, rel=1e-3)


def test_codes_for_the_prefetch(terms):
    codes = terms.lab_codes(["potassium", "magnesium"])
    assert codes == tuple(sorted(codes))
    assert {"2823-3", "6298-4", "19123-9", "2601-3"} <= set(codes)
    assert not {"2951-2", "2828-2"} & set(codes)


def test_codes_to_write_with(terms):
    for name, test in terms.tests.items():
        assert terms.lab([terms.lab_coding(name)]).test == name
        for variant in set(test.variants) - {"adjusted"}:
            assert terms.lab([terms.lab_coding(name, variant)]).variant == variant
    with pytest.raises(KeyError):
        terms.lab_coding("calcium", "adjusted")


def test_limits_have_side_unit_source_and_stand_inside_the_plausible_band(terms, listed):
    for name, entry in listed["labs"]["tests"].items():
        for limit in entry["limits"].values():
            for one in [limit] if "value" in limit else limit.values():
                assert one["side"] in {"below", "at_most", "above", "at_least"}
                assert one["source"]
                assert one["unit"] == terms.tests[name].unit
                assert terms.tests[name].low <= one["value"] <= terms.tests[name].high
            assert "value" in limit or set(limit) <= set(terms.tests[name].variants)


def test_calculated_figures(listed):
    egfr = listed["labs"]["derived"]["egfr"]
    rate = {
        sex: filtration_rate(88.402, 60, egfr["sex"][sex], coefficients=egfr["coefficients"]) for sex in egfr["sex"]
    }
    assert rate["female"] == pytest.approx(64.5, abs=0.1)
    assert rate["male"] == pytest.approx(86.1, abs=0.1)
    adjusted = listed["labs"]["derived"]["calcium"]["coefficients"]
    assert adjusted_total(2.10, 30.0, **adjusted) == pytest.approx(2.30)


def test_check_digits():
    assert loinc_is_valid("2823-3")
    assert loinc_is_valid("98979-8")
    assert not loinc_is_valid("2823-4")
    assert not loinc_is_valid("LA15173-0")
    assert snomed_is_valid("19943007")
    assert snomed_is_valid("13816611000001101")
    assert not snomed_is_valid("19943006")
    assert not snomed_is_valid("10939881000119104")
