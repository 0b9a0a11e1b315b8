"""Results calculated when the laboratory does not report them."""

from typing import Any

import pytest

from cds_service.chart import LabResult
from tests.fhir.fhir_samples import chart, condition, days_ago, patient, result, searchset, terms

CREATININE: dict[str, Any] = {"loinc": "2160-0", "unit": "mg/dL"}
RATE: dict[str, Any] = {"loinc": "98979-8", "unit": "mL/min/{1.73_m2}"}
CALCIUM: dict[str, Any] = {"loinc": "17861-6", "unit": "mg/dL"}
ALBUMIN: dict[str, Any] = {"loinc": "1751-7", "unit": "g/dL"}


def rates(*resources: dict[str, Any], **person: Any) -> tuple[LabResult, ...]:
    found = chart(patient=patient(**person), observations=searchset(*resources))
    return found.labs.get("egfr", ())


def test_a_filtration_rate_from_creatinine() -> None:
    (found,) = rates(result("c", 1.2, **CREATININE))
    # CKD-EPI 2021, woman of 75, 1.2 mg/dL: 142 x (1.2/0.7)^-1.200 x 0.9938^75 x 1.012 = 47.2
    assert found.value == pytest.approx(47.2, abs=0.1)
    assert (found.calculated, found.reference, found.as_reported) == ("creatinine", "Observation/c", "")


def test_sex_and_birth_year() -> None:
    (man,) = rates(result("c", 1.2, **CREATININE), gender="male")
    (year_only,) = rates(result("c", 1.2, **CREATININE), birthDate="1950")
    (woman,) = rates(result("c", 1.2, **CREATININE))
    assert (man.value or 0) > (woman.value or 0) > (year_only.value or 0)


@pytest.mark.parametrize("person", [{"gender": "other"}, {"birthDate": None}, {"birthDate": "2010-01-01"}])
def test_no_rate_without_age_and_sex_or_for_children(person: dict[str, Any]) -> None:
    assert not rates(result("c", 1.2, **CREATININE), **person)


def test_a_reported_rate_of_the_same_day_is_kept_and_an_older_one_is_not_the_newest() -> None:
    creatinine = result("c", 1.2, **CREATININE)
    assert [one.calculated for one in rates(creatinine, result("e", 70, **RATE))] == [""]
    older = result("e", 70, effectiveDateTime=days_ago(40), **RATE)
    assert [one.calculated for one in rates(creatinine, older)] == ["creatinine", ""]


@pytest.mark.parametrize("value", [0.01, 90])
def test_an_implausible_rate_is_not_made(value: float) -> None:
    assert not rates(result("c", value, **CREATININE))


def test_an_unusable_creatinine_gives_no_rate_from_an_older_one() -> None:
    assert not rates(
        result("c", 1.2, loinc="2160-0", unit="furlong"), result("o", 1.0, effectiveDateTime=days_ago(9), **CREATININE)
    )


def adjusted(*resources: dict[str, Any], **values: Any) -> list[LabResult]:
    found = chart(observations=searchset(*resources), **values).labs["calcium"]
    return [one for one in found if one.calculated]


TOTAL, PROTEIN = result("ca", 8.0, **CALCIUM), result("alb", 2.0, **ALBUMIN)


def test_calcium_adjusted_for_the_albumin_of_the_same_day() -> None:
    (found,) = adjusted(TOTAL, PROTEIN)
    assert found.value == pytest.approx(8.0 / 4.0078 + 0.02 * (40 - 20), abs=1e-3)
    assert (found.variant, found.calculated) == ("adjusted", "calcium and albumin")


@pytest.mark.parametrize(
    "resources",
    [
        [TOTAL],
        [TOTAL, PROTEIN | {"effectiveDateTime": days_ago(9)}],
        [TOTAL | {"effectiveDateTime": "2026-02"}, PROTEIN | {"effectiveDateTime": "2026-02"}],
        [TOTAL, PROTEIN, result("e", 45, **RATE)],
        [TOTAL, result("alb", 2.0, loinc="1751-7", unit="furlong")],
    ],
)
def test_when_calcium_is_not_adjusted(resources: list[dict[str, Any]]) -> None:
    assert not adjusted(*resources)


def test_calcium_is_adjusted_with_a_good_filtration_rate_but_not_on_dialysis() -> None:
    assert adjusted(TOTAL, PROTEIN, result("e", 80, **RATE))
    on_dialysis = condition(snomed=terms().concept_coding("dialysis").code)
    assert not adjusted(TOTAL, PROTEIN, conditions=searchset(on_dialysis))
    assert adjusted(TOTAL, PROTEIN, conditions=searchset(on_dialysis | {"abatementDateTime": "2020"}))
