"""Reasons for not following a card: a ValueSet for each card, and the CodeSystem of the codes that are our own."""

from collections.abc import Iterator

from cds_service.export.edition import Edition, Json
from cds_service.knowledge.card import Card
from cds_service.knowledge.references import OverrideReason

_OWN = "{{service}}"
CODE_SYSTEM = "override-reasons"


def override_sets(edition: Edition) -> Iterator[Json]:
    """The reasons each card offers."""
    yield from (_offered(card, edition) for card in edition.cards if card.override_reasons)


def own_reasons(edition: Edition) -> Iterator[Json]:
    """The CodeSystem of the reasons no other terminology has; nothing when there are none."""
    own = [reason for _, reason in sorted(edition.references.overrides.items()) if reason.system.startswith(_OWN)]
    if own:
        yield {
            **edition.heading("CodeSystem", CODE_SYSTEM, "Override reasons of Cramp CDS"),
            "url": system_of(own[0], edition),
            "description": "Reasons for not following a card that no other terminology has.",
            "caseSensitive": True,
            "content": "complete",
            "count": len(own),
            "concept": [{"code": reason.code, "display": reason.display} for reason in own],
        }


def system_of(reason: OverrideReason, edition: Edition) -> str:
    """The code system of a reason; our own lies below the base address, as it does below that of a running service."""
    return reason.system.replace(_OWN, edition.base)


def _offered(card: Card, edition: Edition) -> Json:
    by_system: dict[str, list[Json]] = {}
    for reason in card.override_reasons:
        shown = {"code": reason.code, "display": reason.display}
        by_system.setdefault(system_of(reason, edition), []).append(shown)
    return {
        **edition.heading("ValueSet", f"override-reasons-{card.id}", f"Override reasons: {card.title}"),
        "description": "The reasons a clinician may give for not following the card.",
        "compose": {"include": [{"system": system, "concept": codes} for system, codes in by_system.items()]},
    }
