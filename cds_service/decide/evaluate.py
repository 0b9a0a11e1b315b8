"""Judging one card against the chart: which medicines it is about, whether it fires, at which level."""

from collections.abc import Iterable, Sequence

from cds_service.chart import Chart, Gap, Medication
from cds_service.decide.decision import Finding, Outcome
from cds_service.decide.joining import one_for_all
from cds_service.hooks import Hook
from cds_service.knowledge.card import Card, Indicator
from cds_service.knowledge.case import Case, Course, Pair
from cds_service.knowledge.criteria import Step, Trace, could_hold
from cds_service.knowledge.facts.partners import unidentified
from cds_service.knowledge.library import Deck


def evaluate(card: Card, cases: Sequence[Case], blind: tuple[Gap, ...]) -> tuple[list[Finding], list[Outcome]]:
    """The findings of a card and the outcomes that are not findings (quiet, or unable to judge).

    `cases` are the medicines it is about (or the patient), `blind` says why there may be more of them.
    """
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    for case in cases:
        found = _judge(card, case)
        if isinstance(found, Finding):
            findings.append(found)
        else:
            outcomes.append(found)
    if blind:
        outcomes.append(Outcome(card, "", "cannot-judge", None, (), blind, "the medicines are not all known"))
    if len(findings) > 1 or not card.about.each:
        findings = _distinct(findings) if card.about.each else one_for_all(findings)
    return findings, outcomes


def concerned(deck: Deck, chart: Chart, hook: Hook, courses: tuple[Course, ...]) -> dict[Card, list[Case]]:
    """What each card is judged on: a case for each of its medicines, or one for the patient; others are left out."""
    patient = Case(chart, hook, None, courses)
    found = {card: [patient] for card in deck.about_patient}
    for course in courses:
        cards = _about(course, deck)
        if cards:
            case = Case(chart, hook, course, courses, patient_answers=patient.patient_answers)
            for card in cards:
                found.setdefault(card, []).append(case)
    return found


def _about(course: Course, deck: Deck) -> set[Card]:
    """The cards that speak of a medicine in its state."""
    found: set[Card] = set()
    for orders, by_class in ((course.drafts, deck.drafted), (course.taken, deck.taken), (course.stopped, deck.stopped)):
        if orders:
            for name in course.classes:
                found.update(by_class.get(name, ()))
    return found


def _judge(card: Card, case: Case) -> Finding | Outcome:
    trace: Trace = []
    value = card.judge(case, trace)
    if value is not False and not _involves_draft(case, trace, certain=value is True):
        value = False
        trace = []
    if value:
        indicator = _level(card, case, trace)
        return Finding(card, case, indicator, tuple(trace))
    medicine = case.course.ingredient if case.course else ""
    if value is None:
        # What was not read is named only where it could still bring the card up.
        gaps = unread(trace) if could_hold(card.when, trace) else ()
        return Outcome(card, medicine, "cannot-judge", None, tuple(trace), gaps, "" if gaps else "absent")
    return Outcome(card, medicine, "quiet", None, tuple(trace))


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


def blind_spots(deck: Deck, chart: Chart, hook: Hook) -> dict[Card, tuple[Gap, ...]]:
    """Why there may be further medicines of a card's classes: the list was not read, or an entry is not understood."""
    hints = [order for order in chart.medications if order.watched]
    unread_list: tuple[Gap, ...] = ()
    if hook == "patient-view":
        unread_list = Case(chart, hook, None).missing("medications")
    elif hints:
        judged = {order.reference for order in chart.medications if order.judged}
        hints = [order for order in hints if order.reference in judged]
    if not hints and not unread_list:
        return {}
    found = {card: unidentified(hints, card.about.classes) + unread_list for card in deck.judged if card.about.classes}
    return {card: gaps for card, gaps in found.items() if gaps}


def _distinct(findings: list[Finding]) -> list[Finding]:
    """The findings without those that rest on the same orders: one product with two such ingredients speaks once."""
    kept: list[Finding] = []
    for finding in findings:
        if not finding.orders or all(finding.orders != other.orders for other in kept):
            kept.append(finding)
    return kept
