"""What of a person a card rests on, and where: worked out from its facts, its texts and the gates it meets.

A fact declares what it reads (`Fact.reads`), a condition what it tells (`CONCEPT_TRAITS`), a placeholder what it shows
(`PLACEHOLDER_TRAITS`), and a test may be estimated from age and sex (`labs.yaml`). There is no other way to a person.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from cds_service.knowledge.card import Card
from cds_service.knowledge.criteria import Leaf
from cds_service.knowledge.facts import FACTS
from cds_service.knowledge.facts.conditions import CONCEPT_TRAITS
from cds_service.knowledge.gating import gate_leaves
from cds_service.knowledge.placeholders import PLACEHOLDER_TRAITS
from cds_service.knowledge.references import References
from cds_service.knowledge.templates import PLACEHOLDER
from cds_service.knowledge.traits import NO_TRAIT, TRAITS, Trait
from cds_service.terminology import Adjusted, Estimated

# What the value of a figure is worked out from besides other tests: `Estimated.value` takes age and sex.
_FORMULAS: Mapping[type, frozenset[Trait]] = {Estimated: frozenset({"sex", "date-of-birth"}), Adjusted: NO_TRAIT}


class Use(NamedTuple):
    """One place where a card rests on a trait, in words."""

    trait: Trait
    where: str


def uses(card: Card, references: References, others: Iterable[Card] = ()) -> dict[Trait, tuple[str, ...]]:
    """For each of the nine traits where the card rests on it, in words, each place once; none = not used.

    `others` are the cards of the same region: a card about the gaps of a chart speaks for their checks.
    """
    found = [*_own(card, references), *_spoken_for(card, references, others)]
    return {trait: tuple(dict.fromkeys(use.where for use in found if use.trait == trait)) for trait in TRAITS}


def _own(card: Card, references: References) -> Iterator[Use]:
    for leaf in card.leaves():
        yield from _of_leaf(leaf, f'criterion "{leaf.text}"', references)
    for leaf in gate_leaves(card, references):
        yield from _of_leaf(leaf, f'gate before a suggestion: "{leaf.text}"', references)
    for name in _placeholders(card):
        yield from (Use(trait, f"shown in a text: {{{{{name}}}}}") for trait in PLACEHOLDER_TRAITS.get(name, NO_TRAIT))
        if name.startswith("lab."):
            yield from _of_test(name.split(".")[1], references)


def _of_leaf(leaf: Leaf, where: str, references: References) -> Iterator[Use]:
    told = FACTS[leaf.fact].reads.union(*(CONCEPT_TRAITS.get(word, NO_TRAIT) for word in leaf.words - leaf.tests))
    yield from (Use(trait, where) for trait in told)
    for test in sorted(leaf.tests):
        yield from _of_test(test, references)


def _of_test(test: str, references: References, before: str = "") -> Iterator[Use]:
    """What a test is worked out from when the laboratory does not report it; `before` names what it serves."""
    title = references.terms.tests[test].title
    for rule in references.terms.derivations:
        if rule.test == test:
            where = f"{title}, where the service calculates it{before}"
            yield from (Use(trait, where) for trait in _FORMULAS[type(rule)])
            for needed in sorted(rule.needs() - {test}):
                yield from _of_test(needed, references, f" before it calculates {title}")


def _placeholders(card: Card) -> Iterator[str]:
    """Every placeholder of the texts and of the orders that the card may create."""
    texts = (card.detail, *(one.template for one in card.summaries), *(offer.label for offer in card.offers))
    for text in texts:
        yield from text.names
    for offer in card.offers:
        if offer.order is not None:
            yield from PLACEHOLDER.findall(json.dumps(offer.order.resource))


def _spoken_for(card: Card, references: References, others: Iterable[Card]) -> Iterator[Use]:
    """A card about gaps names what the checks of other cards lack: it rests on what they rest on."""
    if card.about.subject != "gaps":
        return
    heard = [one for one in others if one.about.subject != "gaps" and set(one.hooks) & set(card.hooks)]
    for trait in sorted({use.trait for one in heard for use in _own(one, references)}):
        yield Use(trait, "the checks of other cards, whose missing data it names")
