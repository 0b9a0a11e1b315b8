"""Facts about the dose of the medicine a card is about, in mg."""

from collections.abc import Callable, Iterator, Mapping

from cds_service.chart import Dose, Gap, Medication, Range
from cds_service.knowledge.case import Absent, Case, Course, Note, Verdict, within
from cds_service.knowledge.daily_dose import NOTHING, Total, in_force, planned, spread, step, told, total, unread
from cds_service.knowledge.facts.compare import RELATIONS, WORDING, Bound, relation_of
from cds_service.knowledge.facts.registry import MEDICATIONS, SPAN, Question, fact
from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.logic import Truth, every, some
from cds_service.knowledge.quantities import days, plain, quantity
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import NO_TRAIT

_MASSES = {"mg": 1.0, "g": 1000.0}
_NUMBER: Mapping[str, object] = {"type": "number"}
_MASS = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? (mg|g)$"}
_BOUNDS = {"type": "object", "properties": dict.fromkeys(RELATIONS, _MASS), "additionalProperties": False}
_COUNTS = {"type": "object", "properties": dict.fromkeys(RELATIONS, _NUMBER), "additionalProperties": False}
_NOT_COMPUTABLE = "the dose cannot be computed from the order"


def _milligrams(spot: Spot) -> float:
    found = quantity(spot)
    if found.unit not in _MASSES:
        spot.fault(not_one_of("the unit of a dose", found.unit, _MASSES))
    return found.value * _MASSES[found.unit]


def _judge(bound: Bound, figure: Callable[[Dose], Range | None], unit: str) -> Callable[[Case], Verdict]:
    def judge(case: Case) -> Verdict:
        answers: list[Truth] = []
        shown: list[Note | Absent | Gap] = []
        for order in case.orders:
            found = figure(order.dose)
            answers.append(bound.holds(found) if found else None)
            shown.append(Note(f"{spread(found)}{unit}") if found else unread(order))
        answer = some(answers)
        # What is shown is an order that gives this answer, not just the first one.
        ground = next((item for item, held in zip(shown, answers, strict=True) if held is answer), None)
        return Verdict(answer, (ground,) if ground else ())

    return judge


def _against(bound: Bound, found: Total, more: str = "") -> Verdict:
    """The answer for what several orders come to, told by all of them; where it stays open, by what keeps it open."""
    answer = bound.holds(found.range) if found.orders else None
    if answer is None and (found.doubts or not found.orders):
        return Verdict(None, found.doubts)
    first, *each = told(found)
    lines = (f"{first}{more}", *each)
    return Verdict(answer, tuple(Note(line) for line in lines))


def _dose_bound(spot: Spot, what: str) -> tuple[Bound, str]:
    relation, limit = relation_of(spot.mapping((), RELATIONS), spot)
    bound = Bound(relation, _milligrams(limit))
    return bound, f"{what} {WORDING[relation]} {plain(bound.number)} mg"


@fact(
    "daily_dose",
    "the planned dose per day: of the orders being written and of those in force that go on beside them, else of those "
    "taken",
    "the dose of an order cannot be computed, or what a draft replaces is not said, and the rest does not decide",
    _BOUNDS,
    NO_TRAIT,
)
def daily_dose(spot: Spot, references: References) -> Question:
    """`daily_dose: {above: 10 mg}`; two products of one ingredient count together."""
    bound, text = _dose_bound(spot, "dose per day")
    return Question(text, lambda case: _against(bound, planned(case.course) if case.course else NOTHING), frozenset())


@fact("single_dose", "the dose of one order taken at one time", _NOT_COMPUTABLE, _BOUNDS, NO_TRAIT)
def single_dose(spot: Spot, references: References) -> Question:
    """`single_dose: {at_least: 600 mg}`."""
    bound, text = _dose_bound(spot, "single dose")
    return Question(text, _judge(bound, lambda dose: dose.single, " mg"), frozenset())


@fact("times_per_day", "how often a day the dose is taken", _NOT_COMPUTABLE, _COUNTS, NO_TRAIT)
def times_per_day(spot: Spot, references: References) -> Question:
    """`times_per_day: {at_least: 3}`."""
    relation, limit = relation_of(spot.mapping((), RELATIONS), spot)
    bound = Bound(relation, limit.number())
    text = f"{WORDING[relation]} {plain(bound.number)} doses a day"
    return Question(text, _judge(bound, lambda dose: dose.times_per_day, " a day"), frozenset())


@fact(
    "dose_step",
    "by how much the orders being written raise the dose per day of all orders in force, and how soon after the last "
    "of these was begun",
    "a dose that is new or replaced cannot be computed, what a draft replaces is not said, or (with `within`) an order "
    "in force has no usable date",
    {
        "type": "object",
        "properties": {"above": _MASS, "at_least": _MASS, "within": SPAN},
        "additionalProperties": False,
    },
    NO_TRAIT,
)
def dose_step(spot: Spot, references: References) -> Question:
    """`dose_step: {above: 10 mg}`, `dose_step: {at_least: 10 mg, within: 7 days}`."""
    members = spot.mapping((), ["above", "at_least", "within"])
    relation, limit = relation_of(members, spot)
    bound = Bound(relation, _milligrams(limit))
    span = days(members["within"]) if "within" in members else None

    def judge(case: Case) -> Verdict:
        course = case.course
        if course is None or not course.drafts:
            return Verdict(False)
        if not course.taken:
            gaps = case.missing("medications")
            return Verdict(None, gaps) if gaps else Verdict(False, (Absent("an order in force"),))
        found = step(course)
        recent = True if span is None else _recently_changed(course, case, span)
        answer = bound.holds(found.range)
        if answer is None and found.doubts:
            return Verdict(every((answer, recent)), found.doubts)
        evidence: Note | Absent = Note(f"{spread(found.range)} mg a day more")
        if answer and recent is None:
            evidence = Absent("the date of the last change")
        return Verdict(every((answer, recent)), (evidence,))

    soon = f" within {span} days of the last change" if span is not None else ""
    return Question(f"raised by {WORDING[relation]} {plain(bound.number)} mg a day{soon}", judge, MEDICATIONS)


def _recently_changed(course: Course, case: Case, span: int) -> Truth:
    """Whether any order in force was begun so lately; one without a date may be the last of them."""
    today = case.chart.now.date()
    return some(within(order.started, today, span) if order.started else None for order in in_force(course).orders)


@fact(
    "renewal",
    "the orders being written come to the dose per day of an order of the same medicine, in force or ended at most so "
    "long ago, or of all in force together",
    "medications not delivered, no usable stop date, or either dose cannot be computed",
    {"type": "object", "required": ["within"], "properties": {"within": SPAN}, "additionalProperties": False},
    NO_TRAIT,
)
def renewal(spot: Spot, references: References) -> Question:
    """`renewal: {within: 30 days}`."""
    span = days(spot.mapping(["within"], [])["within"])

    def judge(case: Case) -> Verdict:
        course = case.course
        if course is None or not course.drafts:
            return Verdict(False)
        written = total(course.drafts)
        answers = [every((recent, _same_dose(written, earlier))) for recent, earlier in _before(course, case, span)]
        answer = some(answers)
        gaps = case.missing("medications")
        if answer is False and gaps:
            return Verdict(None, gaps)
        return Verdict(answer, () if answer is False else (Note("an earlier order of the same medicine"),))

    return Question(f"a renewal of an order of the last {span} days at the same dose", judge, MEDICATIONS)


def _before(course: Course, case: Case, span: int) -> Iterator[tuple[Truth, Total]]:
    """All orders in force together, and each earlier order by itself, with whether it is recent enough."""
    if course.taken:
        yield True, in_force(course)
    for order in (*course.taken, *course.last_stopped):
        yield _recent(case, order, span), total((order,))


def _recent(case: Case, order: Medication, span: int) -> Truth:
    if order.role != "stopped":
        return True
    return within(order.stopped, case.chart.now.date(), span) if order.stopped else None


def _same_dose(written: Total, earlier: Total) -> Truth:
    return None if written.doubts or earlier.doubts else written.range == earlier.range


@fact(
    "dose_in_force",
    "the dose per day of all orders in force together, whatever is being ordered now",
    "medications not delivered and no order in force known, or a dose cannot be computed and the rest does not decide",
    _BOUNDS,
    NO_TRAIT,
)
def dose_in_force(spot: Spot, references: References) -> Question:
    """`dose_in_force: {at_most: 20 mg}`; false where none is in force."""
    relation, limit = relation_of(spot.mapping((), RELATIONS), spot)
    bound = Bound(relation, _milligrams(limit))

    def judge(case: Case) -> Verdict:
        taken = case.course.taken if case.course else ()
        if not taken:
            gaps = case.missing("medications")
            return Verdict(None, gaps) if gaps else Verdict(False, (Absent("an order in force"),))
        return _against(bound, total(taken), " in force")

    return Question(f"dose in force {WORDING[relation]} {plain(bound.number)} mg a day", judge, MEDICATIONS)
