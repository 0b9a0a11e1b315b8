"""The decision, step by step: judge every card, silence and join, write the cards, say what was not checked."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from cds_service.caller import ClientOptions
from cds_service.chart import SECTIONS, Chart, Gap, Section
from cds_service.decide.decision import Decision, Finding, Outcome, Result
from cds_service.decide.evaluate import blind_spots, concerned, evaluate
from cds_service.decide.joining import joined
from cds_service.decide.merging import Bundle, bundle_of, bundled, seated, silenced
from cds_service.decide.quality import quality_card
from cds_service.decide.rendering import Rendered, render
from cds_service.decide.style import Style
from cds_service.hooks import Hook
from cds_service.knowledge.card import Card
from cds_service.knowledge.case import Course, courses
from cds_service.knowledge.library import Deck, Library
from cds_service.pace import Check, OutOfTime, no_limit

BROKEN = Gap("medications", "card-failed", "", "a check failed inside this service")


def decide(
    chart: Chart, library: Library, options: ClientOptions, hook: Hook, decision_id: UUID, check: Check = no_limit
) -> Decision:
    """The decision for one chart. A card that raises, judged or written, is skipped and named on the quality card.

    `check` is called between cards and may end it all with `OutOfTime`.
    """
    everything = courses(chart, library.references.classes_of)
    deck = library.for_hook(hook, options.region, options.shows_drafts)
    findings, outcomes = _judge_all(deck, chart, hook, everything, check)
    unanswerable = _unanswerable(deck.judged, findings, outcomes, chart)
    if unanswerable:
        return Decision((), tuple(outcomes), (), unanswerable)
    style = Style(options, decision_id, library.references)
    return _answered(findings, outcomes, deck, chart, hook, style)


def _answered(
    findings: list[Finding], outcomes: list[Outcome], deck: Deck, chart: Chart, hook: Hook, style: Style
) -> Decision:
    gone = silenced(findings)
    kept = [finding for position, finding in enumerate(findings) if position not in gone]
    bundles = bundled(joined(kept), hook)
    gaps = _unread(outcomes, chart)
    seats, overflow = seated(bundles, with_quality=bool(gaps) and deck.quality is not None)
    rendered, failed = _written(seats, style)
    for finding in findings:
        if id(finding) in failed:
            gaps.setdefault(BROKEN, []).append(finding.card.title)
    if deck.quality and (gaps or overflow):
        rendered.append(quality_card(deck.quality, gaps, overflow, chart, hook, style))
    fates = _fates(findings, gone, seats, failed)
    heard = {outcome.card.id for outcome in (*fates, *outcomes)}
    return Decision(
        tuple(one.card for one in rendered),
        (*fates, *outcomes),
        tuple(one.shown for one in rendered),
        left_out=tuple(text for one in rendered for text in one.held),
        silent=len(deck.judged) - len(heard),
    )


def _written(seats: Sequence[Bundle], style: Style) -> tuple[list[Rendered], dict[int, str]]:
    """The cards of these bundles, and the findings (by `id`) that could not be written, with the kind of failure."""
    rendered: list[Rendered] = []
    failed: dict[int, str] = {}
    for bundle in seats:
        fault = _failure(bundle, style, rendered)
        if fault:
            failed.update(_sound_part(bundle, fault, style, rendered))
    return rendered, failed


def _failure(bundle: Bundle, style: Style, rendered: list[Rendered]) -> str:
    """Write a bundle; the kind of failure where that cannot be done, else ""."""
    try:
        rendered.append(render(bundle, style))
    except OutOfTime:
        raise
    except Exception as error:
        return type(error).__name__
    return ""


def _sound_part(bundle: Bundle, fault: str, style: Style, rendered: list[Rendered]) -> dict[int, str]:
    """Write what is left of a bundle without the findings that fail by themselves, and name those."""
    alone = [(finding, _failure(bundle_of([finding]), style, [])) for finding in bundle.findings]
    left = [finding for finding, why in alone if not why]
    if 0 < len(left) < len(alone) and not _failure(bundle_of(left), style, rendered):
        return {place: why for finding, why in alone if why for place in _places(finding)}
    return {place: fault for finding, _ in alone for place in _places(finding)}


def _places(finding: Finding) -> tuple[int, ...]:
    """The `id` of a finding and of those it was joined from."""
    return (id(finding), *map(id, finding.parts))


def _judge_all(
    deck: Deck, chart: Chart, hook: Hook, everything: tuple[Course, ...], check: Check
) -> tuple[list[Finding], list[Outcome]]:
    findings: list[Finding] = []
    outcomes: list[Outcome] = []
    cases, blind = concerned(deck, chart, hook, everything), blind_spots(deck, chart, hook)
    for card in deck.judged:
        if card not in cases and card not in blind:
            continue
        check()
        try:
            found, others = evaluate(card, cases.get(card, ()), blind.get(card, ()))
        except OutOfTime:
            raise
        except Exception as error:
            outcomes.append(Outcome(card, "", "error", None, (), (BROKEN,), type(error).__name__))
            continue
        findings += found
        outcomes += others
    return findings, outcomes


def _unread(outcomes: Sequence[Outcome], chart: Chart) -> dict[Gap, list[str]]:
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
    if findings or not cards or "unread" not in chart.sections.values():
        return ()
    blind = {outcome.card.id: gaps for outcome in outcomes if (gaps := _unread_behind(outcome, chart))}
    if any(card.id not in blind for card in cards):
        return ()
    lacking = {gap.section for gaps in blind.values() for gap in gaps}
    return tuple(section for section in SECTIONS if section in lacking)


def _unread_behind(outcome: Outcome, chart: Chart) -> tuple[Gap, ...]:
    """Whole sections that kept a card from being judged, or that its silence was only assumed for want of."""
    assumed = (item for step in outcome.trace if step.assumed for item in step.evidence if isinstance(item, Gap))
    return tuple(gap for gap in (*outcome.gaps, *assumed) if chart.unread(gap.section))


def _fates(
    findings: Sequence[Finding], gone: Mapping[int, str], seats: Sequence[Bundle], failed: Mapping[int, str]
) -> list[Outcome]:
    heads = {place for bundle in seats for place in _places(bundle.head)}
    sections = {place for bundle in seats for finding in bundle.sections for place in _places(finding)}
    fates = []
    for position, finding in enumerate(findings):
        result: Result = "overflow"
        if id(finding) in failed:
            result = "error"
        elif position in gone:
            result = "replaced"
        elif id(finding) in heads:
            result = "shown"
        elif id(finding) in sections:
            result = "merged"
        because = failed.get(id(finding)) or gone.get(position, "")
        gaps = (BROKEN,) if result == "error" else ()
        fates.append(Outcome(finding.card, finding.medicine, result, finding.indicator, finding.trace, gaps, because))
    return fates
