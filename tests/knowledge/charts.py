"""Small charts for the tests of facts: one line builds what a fact looks at."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cds_service.chart import (
    SECTIONS,
    Allergy,
    Chart,
    Day,
    Dose,
    Gap,
    LabResult,
    Later,
    Medication,
    Problem,
    Range,
    Reason,
    Section,
    SectionState,
    Therapy,
)
from cds_service.hooks import Hook
from cds_service.knowledge.case import Case, courses
from cds_service.knowledge.criteria import Trace, compile_criterion
from cds_service.knowledge.library import Library
from cds_service.knowledge.logic import Truth
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import parse_yaml

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)


def ago(days: int, spread: int = 0) -> Day:
    """A date some days back, known only to lie within `spread` further days."""
    last = (NOW - timedelta(days=days)).date()
    return Day(last - timedelta(days=spread), last)


def exactly(value: float) -> Range:
    return Range(value, value)


def order(ingredient: str, role: str = "draft", library: Library | None = None, **more: Any) -> Medication:
    """An order of an ingredient, with its classes."""
    classes = library.references.classes_of.get(ingredient, frozenset()) if library else frozenset()
    values: dict[str, Any] = {
        "reference": f"MedicationRequest/{ingredient}-{role}",
        "name": ingredient,
        "ingredients": (ingredient,),
        "classes": classes,
        "confidence": "code",
        "role": role,
        "judged": role == "draft",
    }
    therapy = {name: more.pop(name) for name in Therapy.__struct_fields__ if name in more}
    return Medication(**{**values, **more}, therapy=Later(lambda: Therapy(**therapy)))


def result(test: str, value: float | None, days: int = 3, **more: Any) -> LabResult:
    """A result in the unit of its test; `value` None makes it unusable."""
    day = more.pop("day", ago(days))
    values: dict[str, Any] = {
        "test": test,
        "variant": "",
        "value": value,
        "day": day,
        "when": datetime.combine(day.last, datetime.min.time(), UTC),
        "reference": f"Observation/{test}-{days}",
        "as_reported": f"{value}",
        "problem": Gap("observations", "no-unit", test) if value is None else None,
    }
    low = more.pop("normal_low", None)
    return LabResult(**{**values, **more}, own_low=Later(lambda: low))


def problem(concept: str, **more: Any) -> Problem:
    values: dict[str, Any] = {
        "name": concept,
        "concepts": frozenset({concept}),
        "active": True,
        "reference": f"Condition/{concept}",
        "recorded": ago(30),
    }
    return Problem(**{**values, **more})


def allergy(*substances: str, **more: Any) -> Allergy:
    values: dict[str, Any] = {
        "name": substances[0] if substances else "something",
        "substances": frozenset(substances),
        "active": True,
        "reference": "AllergyIntolerance/1",
    }
    return Allergy(**{**values, **more})


def reason(*concepts: str, text: str = "", understood: bool = True, unclear: tuple[str, ...] = ()) -> Reason:
    return Reason(frozenset(concepts), text, understood, frozenset(unclear))


def dose(daily: Range | None = None, single: Range | None = None, times: Range | None = None) -> Dose:
    return Dose(single, times, daily, "", "" if daily or single or times else "dose not computable")


def chart(**more: Any) -> Chart:
    """A chart in which every section was read and nothing stands, but for what is given."""
    states: Mapping[Section, SectionState] = dict.fromkeys(SECTIONS, "read")
    labs: dict[str, tuple[LabResult, ...]] = {}
    for one in more.pop("labs", ()):
        labs[one.test] = (*labs.get(one.test, ()), one)
    values: dict[str, Any] = {
        "now": NOW,
        "patient_id": "p",
        "age": exactly(70),
        "sex": "female",
        "medications": (),
        "labs": labs,
        "problems": (),
        "allergies": (),
        "sections": {**states, **more.pop("sections", {})},
    }
    return Chart(**{**values, **more})


def answer(criterion: str, found: Chart, library: Library, about: str = "", hook: Hook = "order-sign") -> Truth:
    """What a criterion (YAML) says of a chart, for the course of an ingredient."""
    read = read_criterion(whole(parse_yaml(criterion, "test")), library.references)
    everything = courses(found, library.references.classes_of)
    course = next((one for one in everything if one.ingredient == about), None)
    trace: Trace = []
    return compile_criterion(read)(Case(found, hook, course, everything), trace)
