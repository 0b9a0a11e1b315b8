"""A card as a PlanDefinition: when it is asked, what must hold, what it says and what it offers."""

import re
from collections.abc import Iterator

from cds_service.export.edition import COPYRIGHT, Edition, Json
from cds_service.export.extension import extensions
from cds_service.export.requirements import requirements
from cds_service.export.wording import condition, conditions
from cds_service.knowledge.attribute_rows import READ
from cds_service.knowledge.card import Card, Offer
from cds_service.knowledge.gating import gates_before
from cds_service.knowledge.references import Citation
from cds_service.knowledge.source_attributes import SourceAttributes, source_attributes
from cds_service.knowledge.wording import anchor_text, criterion_text, template_text

# http://cds-hooks.hl7.org/ConceptMap/indicator-to-request-priority
PRIORITIES = {"info": "routine", "warning": "urgent", "critical": "stat"}
ACTION_TYPES = {"create": "create", "update": "update", "delete": "remove"}
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_DRAFTED = "On order-select and order-sign one of the orders being written must be involved."


def plan(card: Card, edition: Edition) -> Json:
    """The PlanDefinition (type eca-rule) of a card."""
    attributes = source_attributes(card, edition.library, edition.region)
    said = attributes.statements
    return {
        **edition.heading("PlanDefinition", card.id, card.title),
        "extension": extensions(attributes, edition),
        "version": card.version,
        "status": card.status,
        "experimental": card.status != "active",
        "type": _coded("plan-definition-type", "eca-rule"),
        "description": _description(card),
        "publisher": said["developer"].text,
        "useContext": [_user(said["intended_users"].text)],
        "purpose": card.attributes["intended_use"],
        "usage": _usage(attributes),
        "copyright": COPYRIGHT,
        **_people(card),
        "relatedArtifact": [_citation(source, primary=not at) for at, source in enumerate(card.evidence)],
        "action": [_rule(attributes, edition)],
    }


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _user(text: str) -> Json:
    """For whom a card is written, as a usage context."""
    return {"code": {"system": f"{_TERMINOLOGY}/usage-context-type", "code": "user"},
            "valueCodeableConcept": {"text": text}}  # fmt: skip


def _usage(found: SourceAttributes) -> str:
    own = found.card.attributes
    told = {"Cautions": own["cautions"], "Limits": own["limits"], "Out of scope": found.statements["out_of_scope"].text}
    return "\n\n".join(f"{title}: {text}" for title, text in told.items())


def _description(card: Card) -> str:
    graded = f"Evidence: {card.grade}. {card.grade_note}".strip()
    return "\n\n".join([f"{card.title}.", graded, *_meetings(card)])


def _meetings(card: Card) -> Iterator[str]:
    """How the card meets others, in sentences."""
    merge = card.merge
    told = (
        ("Shown in place of", merge.replaces),
        ("Steps back for", merge.yields_to),
        ("Shown on one card with", merge.joins),
        ("Shown on one card with any other on", merge.joins_any),
    )
    yield from (f"{words}: {', '.join(sorted(names))}." for words, names in told if names)


def _people(card: Card) -> Json:
    """Who wrote and reviewed the card, and when; nothing where nobody has signed."""
    review = card.review
    found: Json = {}
    for member, key in (("approvalDate", "approved"), ("lastReviewDate", "last_review")):
        if _DATE.match(review[key]):
            found[member] = review[key]
    if "approvalDate" in found:
        due = {"end": review["next_review"]} if _DATE.match(review["next_review"]) else {}
        found["effectivePeriod"] = {"start": review["approved"], **due}
    for key in ("author", "reviewer"):
        if review[key]:
            found[key] = [{"name": review[key]}]
    return found


def _citation(source: Citation, *, primary: bool) -> Json:
    address = {"url": source.url} if source.url else {}
    shown = f"{'primary source, ' if primary else ''}{READ[source.read]}"
    return {"type": "citation", "label": source.label, "display": shown, "citation": source.citation, **address}


def _rule(attributes: SourceAttributes, edition: Edition) -> Json:
    """The one action of the plan; its parts are the levels, the summaries and the suggestions."""
    card, needed = attributes.card, requirements(attributes, edition)
    return {
        "title": card.title,
        "description": card.attributes["intended_use"],
        "textEquivalent": template_text(card.detail),
        **_override_reasons(card, edition),
        "trigger": [{"type": "named-event", "name": hook} for hook in card.hooks],
        **_applicability(card, edition),
        **({"input": needed} if needed else {}),
        "groupingBehavior": "logical-group",
        "selectionBehavior": "all",
        "action": [part for part in (_levels(card), _summaries(card), _suggestions(card, edition)) if part],
    }


def _override_reasons(card: Card, edition: Edition) -> Json:
    if not card.override_reasons:
        return {}
    reasons = edition.canonical("ValueSet", f"override-reasons-{card.id}")
    return {"documentation": [{"type": "documentation", "label": "Override reasons", "resource": reasons}]}


def _applicability(card: Card, edition: Edition) -> Json:
    anchor = anchor_text(card.about, edition.references)
    first = [condition(anchor, _DRAFTED if card.about.classes else "")] if anchor else []
    found = [*first, *conditions(card.when).get("condition", ())]
    return {"condition": found} if found else {}


def _choice(title: str, description: str, selection: str, parts: list[Json]) -> Json:
    return {
        "title": title,
        "description": description,
        "groupingBehavior": "logical-group",
        "selectionBehavior": selection,
        "action": parts,
    }


def _levels(card: Card) -> Json:
    parts = [
        {"title": level.indicator, "priority": PRIORITIES[level.indicator], **conditions(level.criterion)}
        for level in card.levels
    ]
    told = f"The first level whose condition holds. Why: {card.attributes['indicator_reason']}"
    return _choice("Indicator", told, "exactly-one", parts)


def _summaries(card: Card) -> Json:
    parts = [{"title": template_text(one.template), **conditions(one.criterion)} for one in card.summaries]
    return _choice("Summary", "The first text whose condition holds.", "exactly-one", parts)


def _suggestions(card: Card, edition: Edition) -> Json | None:
    if not card.offers:
        return None
    parts = [_offer(offer, edition) for offer in card.offers]
    return _choice("Suggestions", "What the clinician may choose.", card.select, parts)


def _offer(offer: Offer, edition: Edition) -> Json:
    held = [*conditions(offer.criterion).get("condition", ()), *_gates(offer, edition)]
    unlike = {one["expression"]["expression"]: one for one in held}  # a gate may repeat what the card asks
    definition = edition.canonical("ActivityDefinition", offer.order.name) if offer.order else ""
    return {
        "title": template_text(offer.label),
        **({"description": "Recommended."} if offer.recommended else {}),
        **({"condition": [*unlike.values()]} if unlike else {}),
        "type": _coded("action-type", ACTION_TYPES[offer.kind]),
        **({"definitionCanonical": definition} if definition else {}),
    }


def _gates(offer: Offer, edition: Edition) -> Iterator[Json]:
    """What must be known to be true before a medicine of a guarded class is proposed."""
    for gate in gates_before(offer, edition.references):
        yield condition(criterion_text(gate.only_if), gate.why)
