"""Facts about laboratory results: the latest counts, and if it is unusable the answer is unknown, not an older one."""

import math
from collections.abc import Mapping
from datetime import date

from cds_service.chart import LabResult, Range, Section
from cds_service.knowledge.case import Absent, Case, Course, Evidence, Verdict, within
from cds_service.knowledge.facts.compare import RELATIONS, WORDING, Bound, relation_of
from cds_service.knowledge.facts.registry import SPAN, TRUE, WORDS, Question, fact, marked, spoken, words
from cds_service.knowledge.logic import Truth, every, negate, some
from cds_service.knowledge.quantities import days, plain, quantity, readable_unit
from cds_service.knowledge.references import Limit, References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import NO_TRAIT

_OBSERVATIONS: frozenset[Section] = frozenset({"observations"})
_LIMIT = {"type": "string", "minLength": 1}


@fact(
    "lab",
    "the latest result of a test, compared with a named limit or a quantity",
    "none in the window (absent); not delivered, not convertible or implausible (unread); a comparator that does "
    "not decide; a variant without that limit",
    {
        "type": "object",
        "required": ["test", "within"],
        "properties": {
            "test": {"type": "string"},
            "within": SPAN,
            "unless_haemolysed": TRUE,
            **dict.fromkeys(RELATIONS, _LIMIT),
        },
        "additionalProperties": False,
    },
    NO_TRAIT,
)
def lab(spot: Spot, references: References) -> Question:
    """`lab: {test: some-test, below: low, within: 90 days}`."""
    members = spot.mapping(["test", "within"], [*RELATIONS, "unless_haemolysed"])
    test = members["test"].choice("the lab test", references.terms.tests)
    relation, bound = relation_of(members, spot)
    limit = _limit(bound, test, references)
    span = days(members["within"])
    intact = marked(members, "unless_haemolysed")
    preference = references.terms.tests[test].variants
    title = references.terms.tests[test].title
    bounds = _bounds(limit, relation)
    floor = limit.lab_range_floor if relation == "below" else None

    def judge(case: Case) -> Verdict:
        result = latest_result(case, test, preference)
        if result is None:
            return Verdict(None, case.missing("observations") or (Absent(f"a result of {title}"),))
        return _doubted(case, result, title, span, intact) or Verdict(_against(result, bounds, floor), (result,))

    text = f"{title} {WORDING[relation]} {_spoken_limit(limit, references, test)} within {span} days"
    return Question(text, judge, _OBSERVATIONS, frozenset({test}), of_patient=True)


_OPPOSITE = {"below": "at_least", "at_least": "below", "above": "at_most", "at_most": "above"}


def _check_side(spot: Spot, limit: Limit) -> None:
    """A named limit is used on its own side, or exactly on the other; anything in between is a slip."""
    relation = str(spot.path[-1])
    allowed = sorted({*limit.sides.values(), *(_OPPOSITE[side] for side in limit.sides.values())})
    if relation not in allowed:
        spot.fault(f'the limit "{limit.name}" is written {" or ".join(allowed)}, found {relation}')


def _bounds(limit: Limit, relation: str) -> Mapping[str, Bound]:
    """The bound for each variant of a test; whether the figure itself belongs is said by the limit, not by the card."""
    found = {}
    for variant, value in limit.values.items():
        side = limit.sides.get(variant, relation)
        found[variant] = Bound(side if _LOW[side] is _LOW[relation] else _OPPOSITE[side], value)
    return found


_LOW = {"below": True, "at_most": True, "above": False, "at_least": False}


def _limit(spot: Spot, test: str, references: References) -> Limit:
    """A named limit, or a literal quantity (refused for tests with variants: one figure cannot fit them all)."""
    named = references.limits.get(test, {})
    written = spot.text()
    if written in named:
        _check_side(spot, named[written])
        return named[written]
    if not written[0].isdigit() or references.terms.tests[test].variants:
        spot.choice(f"the limit of {test}", named)
    found = quantity(spot)
    value = references.terms.quantity(test, found.value, found.unit, found.unit, "")
    if not isinstance(value, float):
        spot.fault(f"{written} is not a quantity of {test}: {value.detail}")
    return Limit("", {"": value})


def _spoken_limit(limit: Limit, references: References, test: str) -> str:
    unit = readable_unit(references.terms.tests[test].unit)
    figures = sorted(set(limit.values.values()))
    figure = " or ".join(plain(value) for value in figures)
    kinds = [kind for kind in references.terms.tests[test].variants if kind in limit.values]
    of_kind = f" ({spoken(tuple(kinds))})" if len(kinds) < len(references.terms.tests[test].variants) else ""
    return f"{figure} {unit}{of_kind}" if len(figures) == 1 else f"its limit ({figure} {unit}, by kind of test)"


def latest_result(case: Case, test: str, preference: tuple[str, ...]) -> LabResult | None:
    """The latest result by clinical time; among variants of one day the preferred usable one."""
    results = case.chart.labs.get(test, ())
    if not results:
        return None
    head = results[0]
    if not preference or len(results) == 1:
        return head
    rivals: dict[str, LabResult] = {}
    for result in results:
        if result.day == head.day:
            rivals.setdefault(result.variant, result)
    usable = [rivals[variant] for variant in preference if variant in rivals and rivals[variant].problem is None]
    return usable[0] if usable else head


def _doubted(case: Case, result: LabResult, title: str, span: int, intact: bool) -> Verdict | None:
    """Why the latest result says nothing, if so."""
    recent = within(result.day, case.chart.now.date(), span)
    if recent is False:
        return Verdict(None, case.missing("observations") or (Absent(f"a result of {title} within {span} days"),))
    if result.problem is not None:
        return Verdict(None, (result.problem,))
    if recent is None:
        return Verdict(None, (Absent(f"the exact date of the {title} result"),))
    if intact and result.haemolysed:
        return Verdict(None, (result, Absent(f"a {title} result without haemolysis")))
    return None


def _against(result: LabResult, bounds: Mapping[str, Bound], floor: float | None) -> Truth:
    """The answer of a usable result. The laboratory's own range, down to `floor`, makes a low value normal."""
    bound, value = bounds.get(result.variant), result.value
    if bound is None or value is None:
        return None
    answer = bound.holds(reach(result)) if result.comparator else bound.met(value)
    if answer is False or floor is None or value < floor:
        return answer
    normal_low = result.normal_low
    return False if normal_low is not None and value >= normal_low else answer


def reach(result: LabResult) -> Range:
    """The values a result may stand for: a point, or the half line that its comparator opens."""
    value = result.value if result.value is not None else math.nan
    if not result.comparator:
        return Range(value, value)
    ends: Mapping[str, Range] = {
        "<": Range(-math.inf, math.nextafter(value, -math.inf)),
        "<=": Range(-math.inf, value),
        ">": Range(math.nextafter(value, math.inf), math.inf),
        ">=": Range(value, math.inf),
    }
    return ends.get(result.comparator, Range(value, value))


@fact(
    "lab_missing",
    "tests without a usable result in the window (with `since_start`: and after the start of the medicine)",
    "observations not delivered",
    {
        "type": "object",
        "required": ["within"],
        "properties": {"any_of": WORDS, "all_of": WORDS, "within": SPAN, "since_start": TRUE},
        "additionalProperties": False,
    },
    NO_TRAIT,
)
def lab_missing(spot: Spot, references: References) -> Question:
    """`lab_missing: {any_of: [a, b], within: 30 days, since_start: true}`."""
    members = spot.mapping(["within"], ["any_of", "all_of", "since_start"])
    mode = "any_of" if "any_of" in members else "all_of"
    if ("any_of" in members) == ("all_of" in members) or mode not in members:
        spot.fault('lab_missing needs either the key "any_of" or the key "all_of"')
    tests = words(members[mode], "the lab test", references.terms.tests)
    span = days(members["within"])
    since_start = marked(members, "since_start")
    named = {test: references.terms.tests[test].title for test in tests}
    join = some if mode == "any_of" else every

    def judge(case: Case) -> Verdict:
        found = [(test, usable_since(case, test, span, since_start)) for test in tests]
        answer = join([negate(has) for _, has in found])
        absent: tuple[Evidence, ...] = tuple([Absent(f"a result of {named[test]}") for test, has in found if not has])
        gaps = case.missing("observations")
        return Verdict(None, gaps) if answer and gaps else Verdict(answer, absent)

    titles = spoken(tuple(references.terms.tests[test].title for test in tests))
    since = " and since the medicine was started" if since_start else ""
    text = f"no {titles} result within {span} days{since}"
    return Question(text, judge, _OBSERVATIONS, frozenset(tests), of_patient=not since_start)


def usable_since(case: Case, test: str, span: int, since_start: bool) -> Truth:
    """Whether a usable result of a test lies in the window (and not before the medicine was started)."""
    today = case.chart.now.date()
    began = begun(case.course) if since_start else None
    answers: list[Truth] = []
    for result in case.chart.labs.get(test, ()):
        if result.problem is None:
            after: Truth = began is None or result.day.last >= began
            answers.append(every((within(result.day, today, span), after)))
    return some(answers)


def begun(course: Course | None) -> date | None:
    """The start or last change of the orders in force: results before it are only a baseline."""
    starts = [order.changed or order.started for order in (course.taken if course else ())]
    return max([day.first for day in starts if day], default=None)
