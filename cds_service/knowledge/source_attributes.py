"""The source attributes of a card in a region: what is stated, and what follows from the card itself.

The thirteen of 45 CFR 170.315(b)(11)(iv)(A) and what lets a professional review the basis. Nothing here is asked for
while a call is answered.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cds_service.knowledge.card import Card
from cds_service.knowledge.criteria import Leaf
from cds_service.knowledge.faults import Fault, in_regions
from cds_service.knowledge.gating import gate_leaves, gates_before
from cds_service.knowledge.inputs import Input, inputs
from cds_service.knowledge.library import Library
from cds_service.knowledge.references import References
from cds_service.knowledge.statements import FILE, Statement
from cds_service.knowledge.traits import TRAITS, Trait
from cds_service.knowledge.uses import uses

_FIGURE = re.compile(r"-?[0-9]+(\.[0-9]+)?( \S.*)?\Z")
_SPAN = re.compile(r"[0-9]+ (day|week)s?\Z")
ON_THE_CARD = "stated by the card: see its citations and their grade"
WINDOW = "a window: a default of this project"


class Threshold(NamedTuple):
    """A figure that a criterion compares with, in the words of the criterion, and what it rests on."""

    text: str
    basis: str


@dataclass(frozen=True, slots=True)
class SourceAttributes:
    """Everything said of the source of one card in one region.

    `statements` are those of the shared file with the card's own in their place; `uses` where the card rests on each
    trait of a person (empty = not used) and `used_how` what the shared file says of that; `gates` why a suggestion may
    be held back.
    """

    card: Card
    region: str
    jurisdictions: tuple[str, ...]
    statements: dict[str, Statement]
    uses: dict[Trait, tuple[str, ...]]
    used_how: dict[Trait, str]
    inputs: tuple[Input, ...]
    thresholds: tuple[Threshold, ...]
    gates: tuple[str, ...]

    @property
    def to_confirm(self) -> tuple[str, ...]:
        """What somebody must still confirm, in sentences."""
        return tuple(one.to_confirm for one in self.statements.values() if one.to_confirm)


def source_attributes(card: Card, library: Library, region: str) -> SourceAttributes:
    """The source attributes of a card as it stands in a region of the library."""
    references = library.references
    shared = references.attributes
    found = uses(card, references, library.regions[region])
    return SourceAttributes(
        card=card,
        region=region,
        jurisdictions=tuple(references.regions[name] for name in library.regions),
        statements=statements(card, references),
        uses=found,
        used_how={trait: shared.used.get(trait, "") for trait in TRAITS if found[trait]},
        inputs=inputs(card, references),
        thresholds=tuple(dict.fromkeys(_thresholds(card, references))),
        gates=tuple(dict.fromkeys(gate.why for offer in card.offers for gate in gates_before(offer, references))),
    )


def statements(card: Card, references: References) -> dict[str, Statement]:
    """The statements of the shared file; what the card states itself stands in their place and is confirmed with it."""
    shared = references.attributes.statements
    return {name: Statement(card.attributes[name]) if name in card.attributes else one for name, one in shared.items()}


def _thresholds(card: Card, references: References) -> Iterator[Threshold]:
    """Every fact with a figure: a named limit has a source of its own, the others rest on the card or are windows."""
    for leaf in (*card.leaves(), *gate_leaves(card, references)):
        sources = [references.sources[key].label for key in _limit_sources(leaf, references)]
        figures = [word for word in leaf.words if _FIGURE.match(word)]
        if sources:
            yield Threshold(leaf.text, "; ".join(dict.fromkeys(sources)))
        elif figures:
            yield Threshold(leaf.text, WINDOW if all(map(_SPAN.match, figures)) else ON_THE_CARD)


def _limit_sources(leaf: Leaf, references: References) -> Iterator[str]:
    """The keys of the sources of the named limits in a fact."""
    for test in sorted(leaf.tests):
        for name, limit in references.limits.get(test, {}).items():
            yield from limit.sources if name in leaf.words else ()


def attribute_faults(library: Library) -> list[Fault]:
    """Statements on the use of a person's traits that the facts contradict, those of the shared file and of cards."""
    found: dict[Fault, list[str]] = {}
    for region, cards in library.regions.items():
        for card in cards:
            told = uses(card, library.references, cards)
            for fault in (*_promised(card, told, library.references), *_stated(card, told)):
                found.setdefault(fault, []).append(region)
    return [in_regions(fault, at, library.regions) for fault, at in found.items()]


def _promised(card: Card, told: dict[Trait, tuple[str, ...]], references: References) -> Iterator[Fault]:
    for trait, line in references.attributes.never_used.items():
        if told[trait]:
            found = f"found in {card.id}: {told[trait][0]}"
            yield Fault(FILE, line, f"{trait} stands under never_used, {found}; allowed: no card that does so")


def _stated(card: Card, told: dict[Trait, tuple[str, ...]]) -> Iterator[Fault]:
    for stated in card.stated_uses:
        found = told[stated.trait]
        if stated.used != bool(found):
            where = found[0] if found else "no criterion, text or gate that reads it"
            text = f"attributes.uses says {stated.trait}: {_word(stated.used)}, found: {where}; allowed: {_word(found)}"
            yield Fault(f"{card.folder}/card.yaml", stated.line, text)


def _word(used: object) -> str:
    return "true" if used else "false"
