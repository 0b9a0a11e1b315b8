"""Which gates stand before a suggestion: by the classes of the medicine that it would start."""

from collections.abc import Iterator, Mapping

from cds_service.knowledge.card import Card, Offer
from cds_service.knowledge.criteria import Leaf, leaves
from cds_service.knowledge.references import Gate, References
from cds_service.terminology import Coding


def gates_before(offer: Offer, references: References) -> tuple[Gate, ...]:
    """The gates that must be known to be open before the suggestion is made."""
    if offer.kind != "create" or offer.order is None:
        return ()
    return references.gates_for(proposed_classes(offer.order.resource, references))


def proposed_classes(resource: Mapping[str, object], references: References) -> frozenset[str]:
    """The classes of the medicine that a resource would start."""
    concept = resource.get("medicationCodeableConcept")
    if not isinstance(concept, dict):
        return frozenset()
    codings = [
        Coding(str(part.get("system", "")), str(part.get("code", "")), str(part.get("display", "")))
        for part in concept.get("coding", ())
    ]
    return references.terms.drug(codings, str(concept.get("text", ""))).classes


def gate_leaves(card: Card, references: References) -> Iterator[Leaf]:
    """Every fact that the gates before the suggestions of a card ask."""
    for gate in dict.fromkeys(gate for offer in card.offers for gate in gates_before(offer, references)):
        yield from leaves(gate.only_if)
