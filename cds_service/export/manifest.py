"""The Library that names every resource of a package, with the source attributes of each card."""

import base64
import hashlib
import json
from collections.abc import Iterable

from cds_service.export.edition import COPYRIGHT, Edition, Json
from cds_service.knowledge.attribute_listing import listing
from cds_service.knowledge.source_attributes import source_attributes
from cds_service.knowledge.vocabulary import vocabulary_page

NAME = "cramp-cds"


def library_resource(edition: Edition, resources: Iterable[Json]) -> Json:
    """The Library (type asset-collection): the revision, every resource with its version, attributes, vocabulary."""
    parts = [
        {"type": "composed-of", "display": one["title"], "resource": f"{one['url']}|{one['version']}"}
        for one in resources
    ]
    attributes = json.dumps(attributes_by_card(edition), ensure_ascii=False, indent=2) + "\n"
    return {
        **edition.heading("Library", NAME, f"Cramp CDS cards, {edition.region_title}"),
        "identifier": [{"system": f"{edition.base}/library-revision", "value": edition.library.revision}],
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "asset-collection"}]
        },
        "description": f"The guideline cards of Cramp CDS as they stand in one jurisdiction: {edition.region_title}.",
        "copyright": COPYRIGHT,
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


def attributes_by_card(edition: Edition) -> Json:
    """What 45 CFR 170.315(b)(11)(iv)(A) asks of every card, and what else is said of its source."""
    library, region = edition.library, edition.region
    found = {card.id: source_attributes(card, library, region) for card in edition.cards}
    return {
        "libraryRevision": library.revision,
        "libraryVersion": library.version,
        "region": region,
        "cards": {name: listing(one, edition.references) for name, one in found.items()},
    }
