"""A bundle of findings as one card of the CDS Hooks answer."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from cds_service import hooks
from cds_service.caller import ClientOptions, SelectionBehavior
from cds_service.decide import wording
from cds_service.decide.decision import Finding, Shown
from cds_service.decide.joining import worded, wording_of
from cds_service.decide.merging import Bundle
from cds_service.decide.style import Style
from cds_service.decide.suggesting import Held, Made, chosen, suggest
from cds_service.decide.unchecked import not_checked
from cds_service.knowledge.card import Card
from cds_service.knowledge.references import References
from cds_service.knowledge.templates import fitted, markdown

# What is the same every time a card is written is kept; a worker holds one library, and few addresses of its own.
_KEPT = 1024


class Rendered(NamedTuple):
    """A card to send, what stands on it for the record, and suggestions that were held back."""

    card: hooks.Card
    shown: Shown
    held: tuple[str, ...]


def render(bundle: Bundle, style: Style) -> Rendered:
    """The card of a bundle."""
    head, opening = bundle.head, _speaker(bundle)
    offers = [offer for finding in bundle.findings for offer in suggest(finding, style)]
    made = chosen([offer for offer in offers if isinstance(offer, Made)])
    uuid = style.uuid(f"card|{head.card.id}|{head.medicine}")
    card = hooks.Card(
        uuid=uuid,
        summary=summary(opening),
        indicator=bundle.indicator,
        detail=_detail(bundle, opening, style.references),
        source=source(opening.card, style.options.service_url),
        suggestions=tuple(offer.suggestion for offer in made),
        selection_behavior=_selection(made, style.options),
        override_reasons=override_reasons(head.card, style.options.service_url),
        extension=extension(bundle.findings, style.options),
    )
    held = tuple(dict.fromkeys(offer.text for offer in offers if isinstance(offer, Held)))
    return Rendered(card, shown_of(uuid, bundle.findings, made), held)


def shown_of(uuid: str, findings: Sequence[Finding], made: Sequence[Made]) -> Shown:
    """What the record keeps of a card that goes out."""
    named = tuple((finding.card.id, finding.medicine, finding.indicator) for finding in findings)
    offered = tuple((offer.suggestion.uuid, offer.does[0]) for offer in made)
    return Shown(uuid, findings[0].card.id, named, offered)


def summary(finding: Finding) -> str:
    """The summary of a finding, at most 139 characters: the medicine's name is shortened first."""
    wording, moment = worded(finding)
    return fitted(wording.template, moment, hooks.LONGEST_SUMMARY)


def _speaker(bundle: Bundle) -> Finding:
    """The finding whose summary opens the card: the head, but never over a graver one that its words leave out."""
    if bundle.head.indicator == bundle.indicator:
        return bundle.head
    gravest = [section for section in bundle.sections if section.indicator == bundle.indicator]
    spoken = wording_of(bundle.head).speaks_for
    return bundle.head if any(section.card.id in spoken for section in gravest) else gravest[0]


def _opening(finding: Finding) -> str:
    """The summary of a section, which has room for long names."""
    wording, moment = worded(finding)
    return wording.template.fill(moment, markdown)


def _body(finding: Finding) -> str:
    return finding.card.detail.fill(finding.moment, markdown).strip()


def _detail(bundle: Bundle, speaker: Finding, references: References) -> str:
    """Head, sections, why, what was not checked, sources, standing lines."""
    parts = [_opening(bundle.head)] if speaker is not bundle.head else []
    parts.append(_body(bundle.head))
    parts += [f"### {f.card.title}\n\n{_opening(f)}\n\n{_body(f)}" for f in bundle.sections]
    parts += [wording.why(finding) for finding in bundle.findings]
    parts.append(not_checked(bundle, references))
    parts.append(wording.closing(tuple([finding.card for finding in bundle.findings])))
    return "\n\n".join([part for part in parts if part])


@lru_cache(maxsize=_KEPT)
def source(card: Card, base_url: str) -> hooks.Source:
    """The primary source of the card that speaks, and its constant topic that lets an override stick."""
    topic = hooks.Coding(system=f"{base_url}/CodeSystem/cards", code=hooks.topic_code(card.id), display=card.title)
    primary = card.evidence[0]
    return hooks.Source(label=primary.label, url=primary.url, topic=topic)


@lru_cache(maxsize=_KEPT)
def override_reasons(card: Card, base_url: str) -> tuple[hooks.Coding, ...]:
    """The reasons a clinician may choose from."""
    return tuple(
        hooks.Coding(system=reason.system.replace("{{service}}", base_url), code=reason.code, display=reason.display)
        for reason in card.override_reasons
    )


def _selection(made: Sequence[Made], options: ClientOptions) -> SelectionBehavior | None:
    """As the card says, unless a client is known to take one value only; a mixed card offers combinations."""
    if not made:
        return None
    if options.selection_behavior is not None:
        return options.selection_behavior
    return "at-most-one" if all(offer.exclusive for offer in made) else "any"


def extension(findings: Sequence[Finding], options: ClientOptions) -> dict[str, object]:
    """The findings merged into a card, for clients that want to see them."""
    if not options.findings_extension:
        return {}
    entries = [{"id": f.card.id, "version": f.card.version, "indicator": f.indicator} for f in findings]
    return {hooks.FINDINGS_EXTENSION: entries}
