"""The decision, step by step: judge every card, silence and join, write the cards, say what was not checked."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from cds_service.caller import ClientOptions
from cds_service.chart import SECTIONS, Chart, Gap, Section
from cds_service.decide.decision import Decision, Finding, Outcome, Result
from cds_service.decide.evaluate import evaluate
from cds_service.decide.merging import Bundle, bundled, seated, silenced
from cds_service.decide.quality import quality_card
from cds_service.decide.rendering import Style, render
from cds_service.knowledge.card import Card
from cds_service.knowledge.case import Course, Hook, courses
from cds_service.knowledge.library import Library

BROKEN = Gap("medications", "card-failed", "", "a check failed inside this service")


def decide(chart: Chart, library: Library, options: ClientOptions, hook: Hook, decision_id: UUID) -> Decision:
    """The decision for one chart. A card that raises is skipped and named on the quality card."""
    everything = courses(chart, library.references.classes_of)
    cards = library.for_hook(hook, options.region, options.shows_drafts)
    judged = [card for card in cards if card.about.subject != "gaps"]
    findings, outcomes = _judge_all(judged, chart, hook, everything)
    unanswerable = _unanswerable(judged, findings, outcomes, chart)
    if unanswerable:
        return Decision((), tuple(outcomes), (), unanswerable)
    style = Style(options, decision_id, library.references)
    return _answered(findings, outcomes, cards, judged, chart, hook, style)


def _answered(
    findings: list[Finding], outcomes: list[Outcome], cards: Sequence[Card], judged: Sequence[Card],
    chart: Chart, hook: Hook, style: Style,
) -> Decision:  # fmt: skip
    gone = silenced(findings)
    kept = [finding for position, finding in enumerate(findings) if position not in gone]
    bundles = bundled(kept, hook)
    gaps = _unread(outcomes, chart)
    quality = next((card for card in cards if card.about.subject == "gaps"), None)
    seats, overflow = seated(bundles, with_quality=bool(gaps) and quality is not None)
    rendered = [render(bundle, style) for bundle in seats]
    if quality and (gaps or overflow):
        rendered.append(quality_card(quality, gaps, overflow, chart, hook, style))
    fates = _fates(findings, gone, seats)
    concerned = {outcome.card.id for outcome in (*fates, *outcomes)}
    return Decision(
        tuple(one.card for one in rendered),
        (*fates, *outcomes),
        tuple(one.shown for one in rendered),
        left_out=tuple(text for one in rendered for text in one.held),
        silent=sum(card.id not in concerned for card in judged),
    )


def _judge_all(
    cards: Sequence[Card], chart: Chart, hook: Hook, everything: tuple[Course, ...]
) -> tuple[list[Finding], list[Outcome]]:
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    for card in cards:
        try:
            found, others = evaluate(card, chart, hook, everything)
        except Exception as error:
            outcomes.append(Outcome(card, "", "error", None, (), (BROKEN,), type(error).__name__))
            continue
        findings += found
        outcomes += others
    return findings, outcomes


def _unread(outcomes: Sequence[Outcome], chart: Chart) -> Mapping[Gap, list[str]]:
    """Every gap that is grave or kept a card from being judged, with the titles of those cards."""
    found: dict[Gap, list[str]] = {gap: [] for gap in chart.gaps if gap.grave}
    for outcome in outcomes:
        for gap in outcome.gaps:
            titles = found.setdefault(gap, [])
            if outcome.card.title not in titles:
                titles.append(outcome.card.title)
    return found


def _unanswerable(
    cards: Sequence[Card], findings: Sequence[Finding], outcomes: Sequence[Outcome], chart: Chart
) -> tuple[Section, ...]:
    """The sections to name when not one card of the hook could be judged for want of whole sections."""
    blind = {outcome.card.id for outcome in outcomes if _for_want_of_sections(outcome, chart)}
    if findings or not cards or any(card.id not in blind for card in cards):
        return ()
    lacking = {gap.section for outcome in outcomes for gap in outcome.gaps}
    return tuple(section for section in SECTIONS if section in lacking and chart.unread(section))


def _for_want_of_sections(outcome: Outcome, chart: Chart) -> bool:
    return outcome.result == "cannot-judge" and any(chart.unread(gap.section) for gap in outcome.gaps)


def _fates(findings: Sequence[Finding], gone: Mapping[int, str], seats: Sequence[Bundle]) -> list[Outcome]:
    heads = {id(bundle.head) for bundle in seats}
    sections = {id(finding) for bundle in seats for finding in bundle.sections}
    fates = []
    for position, finding in enumerate(findings):
        result: Result = "overflow"
        if position in gone:
            result = "replaced"
        elif id(finding) in heads:
            result = "shown"
        elif id(finding) in sections:
            result = "merged"
        because = gone.get(position, "")
        fates.append(Outcome(finding.card, finding.medicine, result, finding.indicator, finding.trace, (), because))
    return fates
