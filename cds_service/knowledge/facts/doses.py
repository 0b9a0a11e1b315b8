"""Facts about the dose of the medicine a card is about, in mg."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from cds_service.chart import Dose, Gap, Medication, Range
from cds_service.knowledge.case import Absent, Case, Note, Verdict, within
from cds_service.knowledge.facts.compare import RELATIONS, WORDING, Bound, relation_of
from cds_service.knowledge.facts.registry import MEDICATIONS, SPAN, Reading, fact
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
            shown.append(Note(f"{spread(found)}{unit}") if found else _unread(order))
        answer = some(answers)
        # What is shown is an order that gives this answer, not just the first one.
        ground = next((item for item, held in zip(shown, answers, strict=True) if held is answer), None)
        return Verdict(answer, (ground,) if ground else ())

    return judge


def _unread(order: Medication) -> Absent | Gap:
    """A dose that is written but cannot be computed is unread; where none is written there is nothing to read."""
    if order.dose.text:
        return Gap("medications", "not-read", "dose", order.dose.problem, order.reference)
    return Absent("a dose", order.dose.problem or "it cannot be computed")


def spread(found: Range) -> str:
    """A range in words: one number, or from–to."""
    if found.low == found.high:
        return plain(found.low)
    return f"up to {plain(found.high)}" if found.low == 0 else f"{plain(found.low)}-{plain(found.high)}"


def total_daily(orders: Iterable[Medication]) -> Range | None:
    """The dose per day of all these orders together, in mg; None without an order or where one cannot be computed.

    What may be the same treatment told twice counts from nothing to its dose: an order that is only possibly taken, and
    a statement of use, where another order stands beside it.
    """
    listed = tuple(orders)
    doses = [_counted(order.dose.daily, order, len(listed) > 1) for order in listed]
    known = [dose for dose in doses if dose is not None]
    if not doses or len(known) < len(doses):
        return None
    return Range(sum(dose.low for dose in known), sum(dose.high for dose in known))


def _counted(daily: Range | None, order: Medication, beside_others: bool) -> Range | None:
    told_twice = order.role == "possibly-taken" or order.reference.startswith("MedicationStatement/")
    return Range(0.0, daily.high) if daily is not None and beside_others and told_twice else daily


def _together(bound: Bound, orders: Sequence[Medication]) -> Verdict:
    """The answer for what is taken in all; an order whose dose is unknown adds from nothing to any amount."""
    unread = [order for order in orders if order.dose.daily is None]
    known = total_daily(order for order in orders if order.dose.daily is not None)
    if known is None:
        return Verdict(None, tuple(_unread(order) for order in unread[:1]))
    answer = bound.holds(Range(known.low, math.inf) if unread else known)
    of_several = f" in {len(orders)} orders" if len(orders) > 1 else ""
    if unread and answer is None:
        return Verdict(None, (_unread(unread[0]),))
    return Verdict(answer, (Note(f"{'at least ' if unread else ''}{spread(known)} mg{of_several}"),))


def _dose_bound(spot: Spot, what: str) -> tuple[Bound, str]:
    relation, limit = relation_of(spot.mapping((), RELATIONS), spot)
    bound = Bound(relation, _milligrams(limit))
    return bound, f"{what} {WORDING[relation]} {plain(bound.number)} mg"


@fact(
    "daily_dose",
    "the planned dose per day of all orders the card speaks of, together",
    "the dose of an order cannot be computed and the others do not decide",
    _BOUNDS,
    NO_TRAIT,
)
def daily_dose(spot: Spot, references: References) -> Reading:
    """`daily_dose: {above: 10 mg}`; two products of one ingredient count together."""
    bound, text = _dose_bound(spot, "dose per day")
    return Reading(text, lambda case: _together(bound, case.orders), frozenset())


@fact("single_dose", "the dose of one order taken at one time", _NOT_COMPUTABLE, _BOUNDS, NO_TRAIT)
def single_dose(spot: Spot, references: References) -> Reading:
    """`single_dose: {at_least: 600 mg}`."""
    bound, text = _dose_bound(spot, "single dose")
    return Reading(text, _judge(bound, lambda dose: dose.single, " mg"), frozenset())


@fact("times_per_day", "how often a day the dose is taken", _NOT_COMPUTABLE, _COUNTS, NO_TRAIT)
def times_per_day(spot: Spot, references: References) -> Reading:
    """`times_per_day: {at_least: 3}`."""
    relation, limit = relation_of(spot.mapping((), RELATIONS), spot)
    bound = Bound(relation, limit.number())
    text = f"{WORDING[relation]} {plain(bound.number)} doses a day"
    return Reading(text, _judge(bound, lambda dose: dose.times_per_day, " a day"), frozenset())


@fact(
    "dose_step",
    "by how much the draft raises the dose per day over the order in force, and how soon after its last change",
    "either dose cannot be computed, or (with `within`) the order in force has no usable date",
    {
        "type": "object",
        "properties": {"above": _MASS, "at_least": _MASS, "within": SPAN},
        "additionalProperties": False,
    },
    NO_TRAIT,
)
def dose_step(spot: Spot, references: References) -> Reading:
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
        step = rise(course.drafts[0], latest(course.taken))
        answer = bound.holds(step) if step else None
        evidence = (Note(f"{spread(step)} mg a day more"),) if step else (Absent("computable doses"),)
        recent = _recently_changed(case, span)
        return Verdict(every((answer, recent)), evidence)

    soon = f" within {span} days of the last change" if span is not None else ""
    return Reading(f"raised by {WORDING[relation]} {plain(bound.number)} mg a day{soon}", judge, MEDICATIONS)


def latest(orders: tuple[Medication, ...]) -> Medication:
    """The order in force that was started last (undated orders count as oldest)."""
    return max(orders, key=lambda order: order.started.last.toordinal() if order.started else 0)


def rise(draft: Medication, taken: Medication) -> Range | None:
    """By how many mg a day the draft exceeds the order in force."""
    new, old = draft.dose.daily, taken.dose.daily
    return Range(new.low - old.high, new.high - old.low) if new and old else None


def _recently_changed(case: Case, span: int | None) -> Truth:
    if span is None or case.course is None:
        return True
    changed = latest(case.course.taken).started
    return within(changed, case.chart.now.date(), span) if changed else None


@fact(
    "renewal",
    "the draft repeats an order of the same medicine, in force or ended at most so long ago, at the same dose per day",
    "medications not delivered, no usable stop date, or either dose cannot be computed",
    {"type": "object", "required": ["within"], "properties": {"within": SPAN}, "additionalProperties": False},
    NO_TRAIT,
)
def renewal(spot: Spot, references: References) -> Reading:
    """`renewal: {within: 30 days}`."""
    span = days(spot.mapping(["within"], [])["within"])

    def judge(case: Case) -> Verdict:
        course = case.course
        if course is None or not course.drafts:
            return Verdict(False)
        answers = [every((_recent(case, order, span), _same_dose(course.drafts[0], order))) for order in _before(case)]
        answer = some(answers)
        gaps = case.missing("medications")
        if answer is False and gaps:
            return Verdict(None, gaps)
        return Verdict(answer, () if answer is False else (Note("an earlier order of the same medicine"),))

    return Reading(f"a renewal of an order of the last {span} days at the same dose", judge, MEDICATIONS)


def _before(case: Case) -> tuple[Medication, ...]:
    return (*case.course.taken, *case.course.last_stopped) if case.course else ()


def _recent(case: Case, order: Medication, span: int) -> Truth:
    if order.role != "stopped":
        return True
    return within(order.stopped, case.chart.now.date(), span) if order.stopped else None


def _same_dose(draft: Medication, earlier: Medication) -> Truth:
    new, old = draft.dose.daily, earlier.dose.daily
    return new == old if new and old else None


@fact(
    "dose_in_force",
    "the dose per day of the order in force, whatever is being ordered now",
    "medications not delivered and no order in force known, or its dose cannot be computed",
    _BOUNDS,
    NO_TRAIT,
)
def dose_in_force(spot: Spot, references: References) -> Reading:
    """`dose_in_force: {at_most: 20 mg}`; false where none is in force."""
    relation, limit = relation_of(spot.mapping((), RELATIONS), spot)
    bound = Bound(relation, _milligrams(limit))

    def judge(case: Case) -> Verdict:
        taken = case.course.taken if case.course else ()
        if not taken:
            gaps = case.missing("medications")
            return Verdict(None, gaps) if gaps else Verdict(False, (Absent("an order in force"),))
        found = latest(taken).dose.daily
        evidence = Note(f"{spread(found)} mg in force") if found else Absent("a computable dose in force")
        return Verdict(bound.holds(found) if found else None, (evidence,))

    return Reading(f"dose in force {WORDING[relation]} {plain(bound.number)} mg a day", judge, MEDICATIONS)
