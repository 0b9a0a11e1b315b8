"""The card that says what was not checked, and the list of findings that found no place."""

from collections.abc import Mapping, Sequence

from cds_service import hooks
from cds_service.chart import Chart, Gap
from cds_service.decide import wording
from cds_service.decide.decision import Finding
from cds_service.decide.merging import Bundle, titles
from cds_service.decide.rendering import Rendered, extension, override_reasons, shown_of, source
from cds_service.decide.style import Style
from cds_service.decide.unchecked import HEADING, capital, gap_reason, subject
from cds_service.hooks import Hook
from cds_service.knowledge.card import Card
from cds_service.knowledge.case import Case
from cds_service.knowledge.placeholders import Moment, shortened
from cds_service.knowledge.references import References
from cds_service.knowledge.templates import fitted, markdown, plain_text


def quality_card(
    card: Card, gaps: Mapping[Gap, Sequence[str]], overflow: Sequence[Bundle], chart: Chart, hook: Hook, style: Style
) -> Rendered:
    """One card for everything that could not be read, with the titles of cards that did not fit below it."""
    names = tuple(dict.fromkeys(_words(gap, style.references) for gap in gaps))
    moment = Moment(Case(chart, hook, None), (), names)
    finding = Finding(card, moment.case, card.levels[-1].indicator, (), names)
    uuid = style.uuid(f"card|{card.id}|")
    more = titles(overflow)
    answer = hooks.Card(
        uuid=uuid,
        summary=fitted(card.summaries[-1].template, moment, hooks.LONGEST_SUMMARY) if gaps else _overflow_summary(more),
        indicator=finding.indicator,
        detail=_detail(card, gaps, more, moment, style.references),
        source=source(card, style.options.service_url),
        override_reasons=override_reasons(card, style.options.service_url),
        extension=extension([finding], style.options),
    )
    return Rendered(answer, shown_of(uuid, [finding], []), ())


def _overflow_summary(more: Sequence[str]) -> str:
    return shortened(f"Also found: {'; '.join(more)}", hooks.LONGEST_SUMMARY)


def _words(gap: Gap, references: References) -> str:
    return plain_text(f"{subject(gap, references)} ({gap.reason.replace('-', ' ')})")


def _detail(
    card: Card, gaps: Mapping[Gap, Sequence[str]], more: Sequence[str], moment: Moment, references: References
) -> str:
    parts = []
    if gaps:
        parts.append(card.detail.fill(moment, markdown).strip())
        lines = [_line(gap, names, references) for gap, names in gaps.items()]
        parts.append("\n".join([HEADING, "", *lines]))
    if more:
        parts.append("**Also found, not shown in full**\n\n" + "\n".join(f"- {title}" for title in more))
    parts.append(wording.standing([card]))
    return "\n\n".join(parts)


def _line(gap: Gap, cards: Sequence[str], references: References) -> str:
    sentence = f"- **{capital(subject(gap, references))}**: {gap_reason(gap)}."
    return f"{sentence} Checks that could not run: {', '.join(cards)}." if cards else sentence
