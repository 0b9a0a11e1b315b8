"""Facts about the medicine a card is about: is it ordered or taken, why, by which route, since when."""

from datetime import date

from cds_service.chart import Day, Gap, Medication, Reason, Section
from cds_service.knowledge.case import Absent, Case, Evidence, Note, Verdict, days_since, use_began, within
from cds_service.knowledge.facts.compare import relation_of
from cds_service.knowledge.facts.registry import (
    MEDICATIONS,
    SPAN,
    TRUE,
    WORDS,
    Question,
    classes_spoken,
    fact,
    marked,
    spoken,
    words,
)
from cds_service.knowledge.logic import Truth, every
from cds_service.knowledge.quantities import days
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import NO_TRAIT

NOTHING: frozenset[Section] = frozenset()
_STATES = {"ordered": "being ordered now", "taken": "being taken", "stopped": "stopped"}


@fact(
    "medicine_is",
    "the medicine: a draft of this call, an order in force, or a stopped one",
    "medications not delivered (an order in force may then exist)",
    {"enum": sorted(_STATES)},
    NO_TRAIT,
)
def medicine_is(spot: Spot, references: References) -> Question:
    """`medicine_is: ordered`."""
    state = spot.choice("the state of a medicine", _STATES)

    def judge(case: Case) -> Verdict:
        course = case.course
        if course is None:
            return Verdict(False)
        orders = {"ordered": course.drafts, "taken": course.taken, "stopped": course.stopped}[state]
        if orders:
            return Verdict(True, orders[:1])
        gaps = () if state == "ordered" else case.missing("medications")
        return Verdict(None, gaps) if gaps else Verdict(False)

    needs = NOTHING if state == "ordered" else MEDICATIONS
    return Question(f"the medicine is {_STATES[state]}", judge, needs)


@fact(
    "new_start",
    "the medicine: ordered now and not taken so far (with `class`: nothing of that class taken so far)",
    "medications not delivered",
    {"oneOf": [TRUE, {"type": "object", "required": ["class"], "properties": {"class": {"type": "string"}}}]},
    NO_TRAIT,
)
def new_start(spot: Spot, references: References) -> Question:
    """`new_start: true`, `new_start: {class: some-class}`."""
    if isinstance(spot.value, dict):
        members = spot.mapping(["class"], [])
        group: str | None = members["class"].choice("the drug class", references.terms.classes)
    else:
        spot.true()
        group = None

    def judge(case: Case) -> Verdict:
        course = case.course
        if course is None or not course.drafts:
            return Verdict(False)
        earlier = course.taken or tuple(
            order for other in case.courses if group and group in other.classes for order in other.taken
        )
        if earlier:
            return Verdict(False, earlier[:1])
        gaps = case.missing("medications")
        return Verdict(None, gaps) if gaps else Verdict(True, course.drafts[:1])

    text = "the medicine is new for this patient"
    if group:
        text = f"nothing taken so far that is {classes_spoken((group,), references)}"
    return Question(text, judge, MEDICATIONS)


@fact(
    "route",
    "the route of the medicine, from the order or from the product; of several orders every one is given so",
    "no route is given and the product has none of its own",
    WORDS,
    NO_TRAIT,
)
def route(spot: Spot, references: References) -> Question:
    """`route: oral`, `route: [intrathecal, topical]`."""
    wanted = words(spot, "the route", references.terms.route_words)

    def judge(case: Case) -> Verdict:
        found = [(order, order.route in wanted if order.route else None) for order in case.orders]
        evidence = tuple(Note(f"route {order.route}", order.route) for order, _ in found if order.route)
        # One order by another route is a treatment by that route: it must not hide behind the others.
        answer = every(held for _, held in found) if found else False
        return Verdict(answer, evidence or (Absent("a route", "none given"),))

    return Question(f"route {spoken(wanted)}", judge, NOTHING)


@fact(
    "reason",
    "why the medicine was ordered (reasonCode, reasonReference); with `in_words`, words that name it count too",
    "a reason stands there that is not understood",
    {
        "oneOf": [
            WORDS,
            {
                "type": "object",
                "required": ["is", "in_words"],
                "properties": {"is": WORDS, "in_words": TRUE},
                "additionalProperties": False,
            },
        ]
    },
    NO_TRAIT,
)
def reason(spot: Spot, references: References) -> Question:
    """`reason: some-concept`, `reason: {is: [a, b], in_words: true}`."""
    named, in_words = spot, False
    if isinstance(spot.value, dict):
        members = spot.mapping(["is", "in_words"], [])
        named, in_words = members["is"], marked(members, "in_words")
    wanted = frozenset(words(named, "the condition", references.concepts))
    names = tuple(references.concepts[name] for name in sorted(wanted))
    return Question(f"ordered because of {spoken(names)}", lambda case: _reason(case, wanted, in_words), NOTHING)


def _reason(case: Case, wanted: frozenset[str], in_words: bool) -> Verdict:
    reasons = [(order, why) for order in case.orders for why in order.reasons]
    for _, why in reasons:
        hit = why.concepts & wanted or (why.unclear & wanted if in_words else frozenset())
        if hit:
            return Verdict(True, (Note(why.text or "coded reason", min(hit)),))
    unclear = tuple(_reason_gap(order) for order, why in reasons if _may_mean(why, wanted))
    if unclear:
        return Verdict(None, unclear[:1])
    return Verdict(False, () if reasons else (Absent("a recorded reason"),))


def _may_mean(why: Reason, wanted: frozenset[str]) -> bool:
    """A reason nobody understands may mean anything; one whose words hint at something may mean that."""
    if why.understood:
        return False
    return bool(why.unclear & wanted) if why.unclear else True


def _reason_gap(order: Medication) -> Gap:
    return Gap("medications", "reason-not-understood", "", "the recorded reason is not understood", order.reference)


@fact("no_reason", "the medicine: no reason stands on the order", "never", TRUE, NO_TRAIT)
def no_reason(spot: Spot, references: References) -> Question:
    """`no_reason: true`; a reason that is not understood is a reason all the same."""
    spot.true()

    def judge(case: Case) -> Verdict:
        bare = not any(order.reasons for order in case.orders)
        return Verdict(bare, (Absent("a recorded reason"),) if bare else ())

    return Question("no reason recorded on the order", judge, NOTHING)


def _started(case: Case) -> Day | None:
    return use_began(case.course) if case.course else None


@fact("in_class", "the medicine itself: of one of these classes", "never", WORDS, NO_TRAIT)
def in_class(spot: Spot, references: References) -> Question:
    """`in_class: some-class`, for cards about several classes."""
    wanted = frozenset(words(spot, "the drug class", references.terms.classes))

    def judge(case: Case) -> Verdict:
        held = case.course is not None and bool(case.course.classes & wanted)
        return Verdict(held, case.orders[:1] if held else ())

    return Question(f"the medicine is of the class {classes_spoken(tuple(sorted(wanted)), references)}", judge, NOTHING)


_SINCE = {"type": "object", "required": ["within"], "properties": {"within": SPAN}, "additionalProperties": False}


@fact("started", "when the present stretch of use began", "no usable start date", _SINCE, NO_TRAIT)
def started(spot: Spot, references: References) -> Question:
    """`started: {within: 30 days}`."""
    span = days(spot.mapping(["within"], [])["within"])

    def judge(case: Case) -> Verdict:
        day = _started(case)
        return _dated(day, None if day is None else within(day, case.chart.now.date(), span), "a start date")

    return Question(f"started within {span} days", judge, MEDICATIONS)


@fact(
    "taken_for",
    "how long the medicine has been taken without a break",
    "no usable start date",
    {"type": "object", "properties": {"at_least": SPAN, "below": SPAN}, "additionalProperties": False},
    NO_TRAIT,
)
def taken_for(spot: Spot, references: References) -> Question:
    """`taken_for: {at_least: 90 days}`."""
    members = spot.mapping((), ["at_least", "below"])
    relation, bound = relation_of(members, spot)
    span = days(bound)

    def judge(case: Case) -> Verdict:
        day = _started(case)
        if day is None or case.course is None:
            return _dated(None, None, "a start date")
        end = case.chart.now.date() if case.course.taken else _end(case)
        least, most = days_since(day, end) if end else (0, 10**6)
        long = True if least >= span else (None if most >= span else False)
        return _dated(day, long if relation == "at_least" or long is None else not long, "a start date")

    wording = "at least" if relation == "at_least" else "less than"
    return Question(f"taken for {wording} {span} days", judge, MEDICATIONS)


def _end(case: Case) -> date | None:
    stops = [order.stopped.last for order in case.course.stopped if order.stopped] if case.course else []
    return max(stops, default=None)


@fact("stopped", "when the medicine was stopped", "no usable stop date", _SINCE, NO_TRAIT)
def stopped(spot: Spot, references: References) -> Question:
    """`stopped: {within: 14 days}`; the last stop counts."""
    span = days(spot.mapping(["within"], [])["within"])

    def judge(case: Case) -> Verdict:
        orders = case.course.stopped if case.course else ()
        stops = [order.stopped for order in orders if order.stopped]
        latest = max(stops, key=lambda day: day.last, default=None)
        return _dated(latest, within(latest, case.chart.now.date(), span) if latest else None, "a stop date")

    return Question(f"stopped within {span} days", judge, MEDICATIONS)


def _dated(day: Day | None, answer: Truth, what: str) -> Verdict:
    evidence: tuple[Evidence, ...] = (Absent(what),) if day is None else (Note(f"{_day(day)}", ""),)
    return Verdict(answer, evidence)


def _day(day: Day) -> str:
    shown = day.first.isoformat() if day.first == day.last else f"between {day.first} and {day.last}"
    return f"about {shown}" if day.about else shown
