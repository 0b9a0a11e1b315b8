"""Words for laboratory results: value, date, as reported, kind."""

from collections.abc import Callable

from cds_service.chart import LabResult
from cds_service.knowledge.facts.labs import latest_result
from cds_service.knowledge.placeholders.moment import Fill, Moment
from cds_service.knowledge.placeholders.words import shown_day
from cds_service.knowledge.quantities import plain
from cds_service.terminology import Test


def _value(result: LabResult, test: Test) -> str:
    """The value with one decimal more than laboratories print, so that a converted value never looks like its limit."""
    if result.value is None:
        return "not usable"
    return f"{result.comparator}{plain(round(result.value, test.decimals + 1))}"


def _dated(result: LabResult, test: Test) -> str:
    unit = test.unit.replace("{", "").replace("}", "").replace("_", " ")
    return f"{_value(result, test)}{f' {unit}' if result.value is not None else ''} ({shown_day(result.day)})"


def _dated_day(result: LabResult) -> str:
    """The date of a result; one that cannot be used says so, or its date would look like a check that was done."""
    return f"{shown_day(result.day)} (not usable)" if result.problem else shown_day(result.day)


VIEWS: dict[str, Callable[[LabResult, Test], str]] = {
    "": _value,
    "date": lambda result, _: _dated_day(result),
    "reported": lambda result, _: result.as_reported,
    "dated": _dated,
    "kind": lambda result, _: result.variant.replace("-", " ") or "measured",
}


def lab_words(name: str, known: Test, view: str) -> Fill:
    """What a text says of a test: of the result the card rests on, else of the latest."""

    def fill(moment: Moment) -> str:
        result = _cited(moment, name) or latest_result(moment.case, name, known.variants)
        return VIEWS[view](result, known) if result else "none on file"

    return fill


def _cited(moment: Moment, test: str) -> LabResult | None:
    """The result a criterion already rests on, so that text and reason never differ."""
    for step in moment.trace:
        for item in step.evidence:
            if isinstance(item, LabResult) and item.test == test and step.value is True:
                return item
    return None
