"""What a card's text may name: `{{drug}}`, `{{lab.<test>}}`, `{{condition}}` and the rest, each with its meaning."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from cds_service.chart import Allergy, Day, LabResult, Medication, Problem
from cds_service.knowledge.case import Absent, Case, Course, Pair, use_began
from cds_service.knowledge.criteria import Step
from cds_service.knowledge.facts.doses import latest, spread, total_daily
from cds_service.knowledge.facts.labs import latest_result
from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.quantities import plain
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import Trait
from cds_service.terminology import Test

# Of several names in one text each keeps at least so much; below that the first is named and the others are counted.
SHORTEST_OF_SEVERAL = 8


class Moment(NamedTuple):
    """One finding at the moment of writing: its case and trace; names and cases of all when it speaks of several."""

    case: Case
    trace: tuple[Step, ...]
    names: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()

    @property
    def courses(self) -> tuple[Course, ...]:
        """The courses it speaks of."""
        return tuple(case.course for case in self.cases or (self.case,) if case.course)


Fill = Callable[[Moment], str]


class Filler(NamedTuple):
    """A placeholder ready to fill. `foreign` marks words that come from the client and must be escaped."""

    name: str
    fill: Fill
    foreign: bool = False

    def cut(self, moment: Moment, room: int) -> str:
        """Its words in so many characters; of several names each keeps its beginning, or the first of them does."""
        if self.name != "drug" or len(moment.courses) < 2:
            return shortened(self.fill(moment), room)
        return _fitting(_named(moment), room)


def find_placeholder(name: str, spot: Spot, references: References) -> Filler:
    """The filler of a placeholder; refuses an unknown name with the allowed ones."""
    if name in _SIMPLE:
        fill, foreign, _ = _SIMPLE[name]
        return Filler(name, fill, foreign)
    head, _, rest = name.partition(".")
    if head == "lab":
        return _lab_filler(name, rest, spot, references)
    if head == "pair" and rest in _columns(references):
        return Filler(name, lambda moment: _pair_text(moment, rest))
    if name.startswith("dose.from.plus.") and name.rpartition(".")[2].isdigit():
        extra = float(name.rpartition(".")[2])
        return Filler(name, lambda moment: _dose_in_force(moment, extra))
    spot.fault(not_one_of("the placeholder", name, placeholder_names(references)))


def placeholder_names(references: References) -> list[str]:
    """Every placeholder that these references allow (the `plus` figure stands for any whole number)."""
    tests = [f"lab.{test}.{view}".rstrip(".") for test in references.terms.tests for view in _VIEWS]
    pairs = [f"pair.{column}" for column in sorted(_columns(references))]
    return [*_SIMPLE, *pairs, *tests, "dose.from.plus.10"]


def _columns(references: References) -> set[str]:
    return {column for table in references.pairs.values() for column in table.columns}


def shown_day(day: Day | None) -> str:
    """A date for a text; coarse dates show only what is known."""
    if day is None:
        return "an unknown date"
    prefix = "about " if day.about else ""
    if day.first == day.last:
        return f"{prefix}{day.first.isoformat()}"
    if (day.first.year, day.first.month) == (day.last.year, day.last.month):
        return f"{prefix}{day.first:%Y-%m}"
    return f"{prefix}{day.first.year}"


def _evidence(moment: Moment, kinds: tuple[type, ...], excluded: bool = False) -> Iterable[object]:
    for step in moment.trace:
        if step.value is True and step.leaf.excludes is excluded:
            yield from (item for item in step.evidence if isinstance(item, kinds))


def shortened(text: str, length: int) -> str:
    """The text, cut to a length with an ellipsis."""
    return text if len(text) <= length else text[: max(length - 1, 1)].rstrip() + "…"


def _named(moment: Moment) -> list[str]:
    return list(dict.fromkeys(course.head.name for course in moment.courses))


def _fitting(names: Sequence[str], room: int) -> str:
    if len(names) < 2 or len(_listed(names)) <= room:
        return shortened(_listed(names), room)
    joints = len(_listed(names)) - sum(map(len, names))
    share = (room - joints) // len(names)
    if share < SHORTEST_OF_SEVERAL:
        more = f" +{len(names) - 1}"
        return shortened(names[0], room - len(more)) + more
    spare = sum(max(share - len(name), 0) for name in names)
    long = sum(len(name) > share for name in names)
    return _listed([shortened(name, share + spare // long) for name in names])


def _listed(words: Iterable[str]) -> str:
    """Words in a list; each once where all are the same."""
    *rest, last = dict.fromkeys(words)
    return f"{', '.join(rest)} and {last}" if rest else last


def _drug(moment: Moment) -> str:
    return _listed(_named(moment)) if moment.courses else "the medicine"


def _dose(moment: Moment) -> str:
    return _of_each(moment, _daily) or "dose not computable"


def _of_each(moment: Moment, words: Callable[[Course], str]) -> str:
    """Something of every course, in the order of their names; once where all are the same."""
    found = [words(course) for course in moment.courses]
    return _listed(found) if len(set(found)) < 2 and found else " and ".join(found)


def _daily(course: Course) -> str:
    daily = total_daily(course.current)
    return f"{spread(daily)} mg/day" if daily else "dose not computable"


def _dose_from(moment: Moment) -> str:
    course = moment.case.course
    daily = latest(course.taken).dose.daily if course and course.taken else None
    return spread(daily) if daily else "?"


def _dose_to(moment: Moment) -> str:
    course = moment.case.course
    daily = course.drafts[0].dose.daily if course and course.drafts else None
    return spread(daily) if daily else "?"


def _dose_in_force(moment: Moment, extra: float) -> str:
    course = moment.case.course
    daily = latest(course.taken).dose.daily if course and course.taken else None
    return plain(daily.high + extra) if daily else "?"


def _dose_days(moment: Moment) -> str:
    course = moment.case.course
    started = latest(course.taken).started if course and course.taken else None
    return str(_ago(moment, started.last)) if started else "an unknown number of"


def _ago(moment: Moment, day: date) -> int:
    return (moment.case.chart.now.date() - day).days


def _since(moment: Moment) -> str:
    return _of_each(moment, lambda course: shown_day(use_began(course))) or shown_day(None)


def _stopped(moment: Moment) -> str:
    return _of_each(moment, _stop) or shown_day(None)


def _stop(course: Course) -> str:
    stops = [order.stopped for order in course.stopped if order.stopped]
    return shown_day(max(stops, key=lambda day: day.last, default=None))


def _reason(moment: Moment) -> str:
    texts = [reason.text for order in moment.case.orders for reason in order.reasons if reason.text]
    return texts[0] if texts else "no recorded reason"


def _also(moment: Moment) -> str:
    for item in _evidence(moment, (Medication, Pair)):
        order = item.medication if isinstance(item, Pair) else item
        if isinstance(order, Medication) and order not in moment.case.orders:
            return order.name
    return "another medicine"


def draft_of(case: Case, trace: Iterable[Step]) -> Medication | None:
    """The draft order that a suggestion acts on: the anchor's own, else the partner that is being ordered."""
    if case.course and case.course.drafts:
        return case.course.drafts[0]
    return next((order for order in partners(trace) if order.judged), None)


def partners(trace: Iterable[Step]) -> Iterator[Medication]:
    """The other medicines that were found, in the order of the criteria."""
    for step in trace:
        for item in step.evidence if step.value and step.leaf.partner and not step.leaf.excludes else ():
            order = item.medication if isinstance(item, Pair) else item
            if isinstance(order, Medication):
                yield order


def _draft(moment: Moment) -> str:
    draft = draft_of(moment.case, moment.trace)
    return draft.name if draft else "the medicine"


def _pair_text(moment: Moment, column: str) -> str:
    for item in _evidence(moment, (Pair,)):
        if isinstance(item, Pair):
            return dict(item.texts).get(column, "")
    return ""


def _condition(moment: Moment) -> str:
    for item in _evidence(moment, (Problem, Allergy)):
        if isinstance(item, Allergy):
            return f"allergy to {item.name}"
        if isinstance(item, Problem):
            return item.name
    return "a recorded condition"


def _condition_date(moment: Moment) -> str:
    for item in _evidence(moment, (Problem, Allergy)):
        if isinstance(item, Problem | Allergy):
            return shown_day(item.recorded)
    return "an unknown date"


def _missing(moment: Moment) -> str:
    absent = [
        item.what.removeprefix("a result of ") for item in _evidence(moment, (Absent,)) if isinstance(item, Absent)
    ]
    return " and ".join(dict.fromkeys(absent)) or "the result"


def _age(moment: Moment) -> str:
    age = moment.case.chart.age
    if age is None:
        return "unknown"
    return plain(age.low) if age.low == age.high else f"{plain(age.low)}-{plain(age.high)}"


def _drugs(moment: Moment) -> str:
    return ", ".join(moment.names) or _drug(moment)


_SIMPLE: dict[str, tuple[Fill, bool, str]] = {
    "drug": (
        _drug,
        True,
        "the medicine the card is about, as the chart names it; where one finding speaks of several, all",
    ),
    "drugs": (_drugs, True, "all medicines of a card with `each: false`"),
    "draft": (_draft, True, "the draft order that a suggestion removes or changes"),
    "drug.dose": (_dose, False, "its dose per day in mg, all its orders together, or that it cannot be computed"),
    "drug.since": (_since, False, "when the present stretch of use began"),
    "drug.stopped": (_stopped, False, "when it was stopped"),
    "reason": (_reason, True, "the recorded reason of the order"),
    "also": (_also, True, "the other medicine that was found"),
    "condition": (_condition, True, "the problem or allergy that was found"),
    "condition.date": (_condition_date, False, "when it was recorded"),
    "missing": (_missing, False, "the tests without a usable result"),
    "age": (_age, False, "the age in years"),
    "dose.from": (_dose_from, False, "the dose per day in force, in mg"),
    "dose.to": (_dose_to, False, "the dose per day of the draft, in mg"),
    "dose.days": (_dose_days, False, "days since the order in force was started"),
    "gaps": (lambda moment: ", ".join(moment.names), True, "what could not be read (data-quality card only)"),
}

# Names out of the chart: what is shortened where a text would be too long.
NAMES = ("drug", "drugs", "draft", "also", "condition", "reason", "gaps")

# What of the person a placeholder shows.
PLACEHOLDER_TRAITS: Mapping[str, frozenset[Trait]] = {"age": frozenset({"date-of-birth"})}


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


_VIEWS: dict[str, Callable[[LabResult, Test], str]] = {
    "": _value,
    "date": lambda result, _: _dated_day(result),
    "reported": lambda result, _: result.as_reported,
    "dated": _dated,
    "kind": lambda result, _: result.variant.replace("-", " ") or "measured",
}


def _lab_filler(name: str, rest: str, spot: Spot, references: References) -> Filler:
    test, _, view = rest.partition(".")
    if test not in references.terms.tests or view not in _VIEWS:
        spot.fault(not_one_of("the placeholder", name, placeholder_names(references)))
    known = references.terms.tests[test]

    def fill(moment: Moment) -> str:
        result = _cited(moment, test) or latest_result(moment.case, test, known.variants)
        return _VIEWS[view](result, known) if result else "none on file"

    return Filler(name, fill, foreign=view == "reported")


def _cited(moment: Moment, test: str) -> LabResult | None:
    """The result a criterion already rests on, so that text and reason never differ."""
    for step in moment.trace:
        for item in step.evidence:
            if isinstance(item, LabResult) and item.test == test and step.value is True:
                return item
    return None


def described_placeholders() -> list[tuple[str, str]]:
    """Every placeholder with its meaning, for the vocabulary page."""
    simple = [(name, meaning) for name, (_, _, meaning) in _SIMPLE.items()]
    return [
        *simple,
        ("dose.from.plus.10", "the dose per day in force plus that many mg (any whole number)"),
        ("pair.<column>", "that column of the table of pairs, for the medicine found"),
        ("lab.<test>", "the value the card rests on, in the unit of the test, else the latest"),
        ("lab.<test>.date", "its date"),
        ("lab.<test>.reported", "value and unit as the laboratory sent them"),
        ("lab.<test>.dated", "value, unit of the test and date"),
        ("lab.<test>.kind", "which variant of the test it is"),
    ]
