"""Which data a card looks at: worked out from the facts it asks, its texts and the gates before its suggestions."""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from cds_service.knowledge.card import Card
from cds_service.knowledge.criteria import Leaf
from cds_service.knowledge.gating import gate_leaves
from cds_service.knowledge.references import References

Kind = Literal["drug-class", "lab", "condition", "observed", "allergy"]
_SPAN = re.compile(r"([0-9]+) (day|week)s?\Z")
_DAYS = {"day": 1, "week": 7}


class Input(NamedTuple):
    """Resources of one FHIR type that mean `name`. `days` is how far back they count at most, 0 without a window."""

    resource: str
    kind: Kind
    name: str
    days: int = 0


def inputs(card: Card, references: References) -> tuple[Input, ...]:
    """Every class, test, condition and allergy that the card looks at, each once, by resource and name.

    Tests from which another is calculated count too.
    """
    leaves = (*card.leaves(), *gate_leaves(card, references))
    asked = {pair for leaf in leaves for pair in _asked(leaf, references)}
    asked |= {("MedicationRequest", "drug-class", name) for name in card.about.classes}
    tests = references.terms.sources(card.tests().union(*(leaf.tests for leaf in leaves)))
    asked |= {("Observation", "lab", name) for name in tests}
    return tuple(Input(*one, _window(one[2], leaves) if one[1] == "lab" else 0) for one in sorted(asked))


def input_text(one: Input, references: References) -> str:
    """An input in words: `Observation: a test, up to so many days back`."""
    window = f", up to {one.days} days back" if one.days else ""
    reason = ", its reason" if (one.resource, one.kind) == ("MedicationRequest", "condition") else ""
    return f"{one.resource}{reason}: {_title(one, references)}{window}"


def _title(one: Input, references: References) -> str:
    terms = references.terms
    if one.kind == "lab":
        return terms.tests[one.name].title
    titles = terms.class_titles if one.kind == "drug-class" else references.concepts
    return titles.get(one.name, one.name.replace("-", " "))


def _window(test: str, leaves: Iterable[Leaf]) -> int:
    """The widest window in which a fact looks for a test, in days."""
    spans = (_SPAN.match(word) for leaf in leaves if test in leaf.tests for word in leaf.words)
    return max((int(span[1]) * _DAYS[span[2]] for span in spans if span), default=0)


def _asked(leaf: Leaf, references: References) -> Iterator[tuple[str, Kind, str]]:
    """Type of resource, kind and name of every class, condition and allergy that a fact names."""
    words, terms = leaf.words - leaf.tests, references.terms
    if leaf.fact == "pregnant":
        words |= terms.stated_conditions
        yield from (("Observation", "observed", name) for name in terms.stated_conditions)
    if "medications" in leaf.needs or leaf.partner:
        yield from (("MedicationRequest", "drug-class", name) for name in _classes(words, references))
    if leaf.needs & {"conditions", "medications"}:
        yield from (("Condition", "condition", name) for name in words & set(references.concepts))
    if leaf.fact in ("reason", "drafted"):
        yield from (("MedicationRequest", "condition", name) for name in words & set(references.concepts))
    if "allergies" in leaf.needs:
        yield from (("AllergyIntolerance", "drug-class", name) for name in _classes(words, references))
        yield from (("AllergyIntolerance", "allergy", name) for name in words & terms.coded_allergies)


def _classes(words: frozenset[str], references: References) -> set[str]:
    pairs = references.pairs
    partners = {name for word in words if word in pairs for name in pairs[word].rows}
    return {*words, *partners} & set(references.terms.classes)
