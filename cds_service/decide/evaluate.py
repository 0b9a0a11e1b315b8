"""Judging one card against the chart: which medicines it is about, whether it fires, at which level."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cds_service.chart import Chart, Gap, Medication
from cds_service.decide.decision import Finding, Outcome
from cds_service.decide.joining import one_for_all
from cds_service.knowledge.card import Card, Indicator
from cds_service.knowledge.case import Case, Course, Hook, Pair
from cds_service.knowledge.criteria import Step, Trace, could_hold
from cds_service.knowledge.facts.partners import unidentified


def evaluate(card: Card, chart: Chart, hook: Hook, courses: tuple[Course, ...]) -> tuple[list[Finding], list[Outcome]]:
    """The findings of a card and the outcomes that are not findings (quiet, or unable to judge)."""
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    for course in _subjects(card, hook, courses):
        case = Case(chart, hook, course, courses)
        finding, outcome = _judge(card, case)
        findings += [finding] if finding else []
        outcomes += [outcome] if outcome else []
    blind = _blind_spots(card, chart, hook, courses)
    if blind:
        outcomes.append(Outcome(card, "", "cannot-judge", None, (), blind, "the medicines are not all known"))
    return (_distinct(findings) if card.about.each else one_for_all(findings)), outcomes


class Present(NamedTuple):
    """The classes of the medicines of a chart, by what they are, and those an entry not understood may belong to."""

    drafted: frozenset[str]
    taken: frozenset[str]
    stopped: frozenset[str]
    hinted: frozenset[str]


def present(chart: Chart, courses: Iterable[Course]) -> Present:
    """Which classes there are at all: most cards are about others, and need not be judged."""
    held = tuple(courses)
    return Present(
        frozenset().union(*(course.classes for course in held if course.drafts)),
        frozenset().union(*(course.classes for course in held if course.taken)),
        frozenset().union(*(course.classes for course in held if course.stopped)),
        frozenset().union(*(order.watched for order in chart.medications if order.watched)),
    )


def concerned(cards: Sequence[Card], chart: Chart, hook: Hook, found: Present) -> list[Card]:
    """The cards that `evaluate` could say something about: not those about medicines of which there are none."""
    if hook == "patient-view" and chart.sections["medications"] != "read":
        return list(cards)
    return [card for card in cards if _may_concern(card, hook, found)]


def _may_concern(card: Card, hook: Hook, found: Present) -> bool:
    subject, classes = card.about.subject, card.about.classes
    if subject not in ("medicine", "stopped") or not classes.isdisjoint(found.hinted):
        return True
    if subject == "stopped":
        return not classes.isdisjoint(found.stopped)
    taken = (hook == "patient-view" or card.has_partner) and not classes.isdisjoint(found.taken)
    return taken or (hook != "patient-view" and not classes.isdisjoint(found.drafted))


def _subjects(card: Card, hook: Hook, courses: tuple[Course, ...]) -> Iterable[Course | None]:
    """The courses a card is about; on the order hooks a draft, or a medicine taken whose partner may be the draft."""
    about = card.about
    if about.subject == "patient":
        return (None,)
    mine = [course for course in courses if not course.classes.isdisjoint(about.classes)]
    if not mine:
        return ()
    if about.subject == "stopped":
        return [course for course in mine if course.stopped]
    if hook == "patient-view":
        return [course for course in mine if course.taken]
    return [course for course in mine if course.drafts or (course.taken and card.has_partner)]


def _judge(card: Card, case: Case) -> tuple[Finding | None, Outcome | None]:
    trace: Trace = []
    value = card.judge(case, trace)
    medicine = case.course.ingredient if case.course else ""
    if value is not False and not _involves_draft(case, trace, certain=value is True):
        value = False
        trace = []
    if value:
        indicator = _level(card, case, trace)
        return Finding(card, case, indicator, tuple(trace)), None
    if value is None:
        # What was not read is named only where it could still bring the card up.
        gaps = unread(trace) if could_hold(card.when, trace) else ()
        return None, Outcome(card, medicine, "cannot-judge", None, tuple(trace), gaps, "" if gaps else "absent")
    return None, Outcome(card, medicine, "quiet", None, tuple(trace))


def _involves_draft(case: Case, trace: Sequence[Step], certain: bool) -> bool:
    """On the order hooks a finding must involve a draft: the anchor itself, or the other medicine found.

    A card in doubt involves one where the doubt is about a draft that nobody can identify.
    """
    if case.hook == "patient-view" or (case.course and case.course.drafts):
        return True
    partners = [step for step in trace if step.leaf.partner and not step.leaf.excludes]
    if not certain:
        judged = {order.reference for order in case.chart.medications if order.judged}
        doubts = (item for step in partners if step.value is None for item in step.evidence)
        return any(isinstance(item, Gap) and item.reference in judged for item in doubts)
    return any(_is_judged(item) for step in partners if step.value for item in step.evidence)


def _is_judged(item: object) -> bool:
    order = item.medication if isinstance(item, Pair) else item
    return isinstance(order, Medication) and order.judged


def _level(card: Card, case: Case, trace: Trace) -> Indicator:
    """The first level that holds; a level that cannot be judged does not hold (its doubt stands in the trace)."""
    for level in card.levels:
        if level.judge is None or level.judge(case, trace):
            return level.indicator
    return card.levels[-1].indicator


def unread(trace: Iterable[Step]) -> tuple[Gap, ...]:
    """The unread data behind the unknown answers of a trace."""
    return tuple(
        item
        for step in trace
        if step.value is None and not step.assumed
        for item in step.evidence
        if isinstance(item, Gap)
    )


def _blind_spots(card: Card, chart: Chart, hook: Hook, courses: tuple[Course, ...]) -> tuple[Gap, ...]:
    """Why further medicines of the card's classes may exist: the list was not read, or an entry is not understood."""
    if card.about.subject not in ("medicine", "stopped"):
        return ()
    gaps = unidentified(chart.medications, card.about.classes)
    if hook != "patient-view":
        if not gaps:
            return ()
        judged = {order.reference for order in chart.medications if order.judged}
        return tuple(gap for gap in gaps if gap.reference in judged)
    return (*gaps, *Case(chart, hook, None, courses).missing("medications"))


def _distinct(findings: list[Finding]) -> list[Finding]:
    """The findings without those that rest on the same orders: one product with two such ingredients speaks once."""
    kept: list[Finding] = []
    for finding in findings:
        if not finding.orders or all(finding.orders != other.orders for other in kept):
            kept.append(finding)
    return kept
