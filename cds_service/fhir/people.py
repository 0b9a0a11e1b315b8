"""Age and administrative sex of the patient; nothing else about a person is read."""

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

from cds_service.chart import Day, Gap, Range
from cds_service.fhir.codeable import word
from cds_service.fhir.dates import day
from cds_service.fhir.elements import Entry
from cds_service.fhir.reading import of_type
from cds_service.fhir.references import reference_of

_OLDEST = 130
Sex = Literal["female", "male"]


class Person(NamedTuple):
    """Completed years of age (a range where the birth date is a month or a year) and administrative sex."""

    age: Range | None = None
    sex: Sex | None = None


def read_person(entries: Iterable[Entry], today: date) -> tuple[Person, tuple[Gap, ...]]:
    """Age and sex, and the gap a missing or impossible birth date leaves."""
    for entry, patient in of_type(entries, "Patient"):
        age = _age(day(patient.birth_date), today)
        gaps = () if age is not None else (_no_age(entry, stated=bool(patient.birth_date)),)
        return Person(age, _sex(patient.gender)), gaps
    return Person(), ()


def _age(born: Day | None, today: date) -> Range | None:
    if born is None:
        return None
    youngest, oldest = _years(born.last, today), _years(born.first, today)
    return Range(float(max(youngest, 0)), float(oldest)) if 0 <= oldest <= _OLDEST else None


def _years(born: date, today: date) -> int:
    """Completed years from a birthday to today."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _sex(gender: str | None) -> Sex | None:
    said = word(gender)
    if said == "female":
        return "female"
    return "male" if said == "male" else None


def _no_age(entry: Entry, *, stated: bool) -> Gap:
    detail = "the birth date cannot be read" if stated else "no birth date"
    return Gap("patient", "no-birth-date", about="age", detail=detail, reference=reference_of(entry))
