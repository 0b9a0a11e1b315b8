"""The Library that names every resource of a package, with the source attributes of each card."""

import base64
import hashlib
import json
from collections.abc import Iterable

from cds_service.export.edition import PUBLISHER, Edition, Json
from cds_service.export.requirements import personal_use
from cds_service.knowledge.card import Card
from cds_service.knowledge.vocabulary import vocabulary_page

NAME = "cramp-cds"
_COPYRIGHT = (
    "Code and cards: Apache License, Version 2.0. The codes of other terminologies keep their own terms, "
    "which each ValueSet names."
)


def library_resource(edition: Edition, resources: Iterable[Json]) -> Json:
    """The Library (type asset-collection): the revision, every resource with its version, attributes, vocabulary."""
    parts = [
        {"type": "composed-of", "display": one["title"], "resource": f"{one['url']}|{one['version']}"}
        for one in resources
    ]
    attributes = json.dumps(source_attributes(edition), ensure_ascii=False, indent=2) + "\n"
    return {
        **edition.heading("Library", NAME, f"Cramp CDS cards, {edition.region_title}"),
        "identifier": [{"system": f"{edition.base}/library-revision", "value": edition.library.revision}],
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "asset-collection"}]
        },
        "description": f"The guideline cards of Cramp CDS as they stand in one jurisdiction: {edition.region_title}.",
        "copyright": _COPYRIGHT,
        "relatedArtifact": parts,
        "content": [
            _attachment("Source attributes of each card", "application/json", attributes),
            _attachment("The vocabulary of criteria and placeholders", "text/markdown", vocabulary_page()),
        ],
    }


def _attachment(title: str, kind: str, text: str) -> Json:
    """An attachment; FHIR R4 wants the SHA-1 of its content as `hash`."""
    content = text.encode()
    return {
        "contentType": kind,
        "data": base64.b64encode(content).decode(),
        "size": len(content),
        "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(),
        "title": title,
    }


def source_attributes(edition: Edition) -> Json:
    """What 45 CFR 170.315(b)(11)(iv)(A) asks of every card, as far as the card holds it; null where it does not."""
    return {
        "libraryRevision": edition.library.revision,
        "libraryVersion": edition.library.version,
        "region": edition.region,
        "cards": {card.id: _attributes(card, edition) for card in edition.cards},
    }


def _attributes(card: Card, edition: Edition) -> Json:
    used = personal_use(card, edition)
    review = card.review
    return {
        "title": card.title,
        "contentVersion": card.version,
        "status": card.status,
        "bibliographicCitations": [
            {"label": one.label, "citation": one.citation, "url": one.url or None, "read": one.read, "primary": not at}
            for at, one in enumerate(card.evidence)
        ],
        "evidenceGrade": card.grade,
        "evidenceNote": card.grade_note or None,
        "developer": PUBLISHER,
        "contentAuthor": review["author"] or None,
        "contentReviewer": review["reviewer"] or None,
        "funding": None,
        "released": review["approved"] or None,
        "revised": review["last_review"] or None,
        "reviewDue": review["next_review"] or None,
        # The chart holds nothing of these five, so no criterion can ask for them.
        **dict.fromkeys(
            ("usesRace", "usesEthnicity", "usesLanguage", "usesSexualOrientation", "usesGenderIdentity"), False
        ),
        "usesSex": used.sex,
        "usesDateOfBirth": used.birth_date,
        "usesSocialDeterminantsOfHealth": False,
        "usesHealthStatusAssessment": used.health_status,
        "intendedUse": card.attributes["intended_use"],
        "cautions": card.attributes["cautions"],
        "knownLimitations": card.attributes["limits"],
    }
