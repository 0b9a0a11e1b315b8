"""Source attributes as plain values for programs: what `cramp-cds attributes --json` and the FHIR package hold."""

from typing import Any

from cds_service.knowledge.attribute_rows import logic_text
from cds_service.knowledge.card import Card
from cds_service.knowledge.inputs import input_text
from cds_service.knowledge.references import References
from cds_service.knowledge.source_attributes import SourceAttributes
from cds_service.knowledge.traits import Trait

# The names of `uses…` members, in the order of the rule.
USES: dict[str, Trait] = {
    "usesRace": "race",
    "usesEthnicity": "ethnicity",
    "usesLanguage": "language",
    "usesSexualOrientation": "sexual-orientation",
    "usesGenderIdentity": "gender-identity",
    "usesSex": "sex",
    "usesDateOfBirth": "date-of-birth",
    "usesSocialDeterminantsOfHealth": "social-determinants-of-health",
    "usesHealthStatusAssessment": "health-status-assessments",
}


def listing(found: SourceAttributes, references: References) -> dict[str, Any]:
    """Every attribute of a card by name; null where nobody has signed or no date is set."""
    card, said, review = found.card, found.statements, found.card.review
    return {
        "id": card.id,
        "title": card.title,
        "region": found.region,
        "contentVersion": card.version,
        "status": card.status,
        "bibliographicCitations": _citations(card),
        "evidenceGrade": card.grade,
        "evidenceNote": card.grade_note or None,
        "developer": said["developer"].text,
        "contentAuthor": review["author"] or None,
        "contentReviewer": review["reviewer"] or None,
        "funding": said["funding"].text,
        "released": review["approved"] or None,
        "revised": review["last_review"] or None,
        "reviewDue": review["next_review"] or None,
        **{name: bool(found.uses[trait]) for name, trait in USES.items()},
        "usesWhere": {name: list(found.uses[trait]) for name, trait in USES.items() if found.uses[trait]},
        "intendedUse": card.attributes["intended_use"],
        "intendedUsers": said["intended_users"].text,
        "outOfScope": said["out_of_scope"].text,
        "indicatorRationale": card.attributes["indicator_reason"],
        "cautions": card.attributes["cautions"],
        "knownLimitations": card.attributes["limits"],
        "jurisdictions": list(found.jurisdictions),
        "clinicalOwner": said["owner"].text,
        "inputs": [_with_text(one._asdict(), input_text(one, references)) for one in found.inputs],
        "logicText": logic_text(card, references),
        "thresholds": [one._asdict() for one in found.thresholds],
        "basisOfWindows": said["basis_of_windows"].text,
        "suggestionGates": list(found.gates),
        "toConfirm": list(found.to_confirm),
    }


def _with_text(value: dict[str, Any], text: str) -> dict[str, Any]:
    return {**value, "text": text}


def _citations(card: Card) -> list[dict[str, Any]]:
    return [
        {"label": one.label, "citation": one.citation, "year": one.year, "url": one.url or None, "read": one.read,
         "primary": not at}
        for at, one in enumerate(card.evidence)
    ]  # fmt: skip
