"""Which resources a card looks at, as the `input` of its action, and which facts about a person it uses."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cds_service.export.edition import Edition, Json
from cds_service.knowledge.card import Card
from cds_service.knowledge.cards import regional
from cds_service.knowledge.criteria import Leaf
from cds_service.knowledge.spot import Spot, walk, whole
from cds_service.knowledge.strict_yaml import Document, read_yaml
from cds_service.terminology import Estimated

_STEPS = re.compile(r"[^.\[\]]+")


class PersonalUse(NamedTuple):
    """What about the person a card uses beside medicines, results and problems."""

    sex: bool
    birth_date: bool
    health_status: bool


def personal_use(card: Card, edition: Edition) -> PersonalUse:
    """The facts of a person that the criteria ask, those behind an estimated result included."""
    facts = {leaf.fact for leaf in card.leaves()}
    derivations = edition.references.terms.derivations
    estimated = any(isinstance(one, Estimated) and one.test in card.tests() for one in derivations)
    return PersonalUse("sex" in facts or estimated, "age" in facts or estimated, "pregnant" in facts)


def requirements(card: Card, edition: Edition) -> list[Json]:
    """The DataRequirements of a card: the person, medicines, results, problems, allergies, each in one order."""
    found = [*_of_person(personal_use(card, edition))]
    asked = {pair for leaf in card.leaves() for pair in _asked(leaf, card, edition)}
    asked |= {("MedicationRequest", f"drug-class-{name}") for name in card.about.classes}
    asked |= {("Observation", f"lab-{name}") for name in card.tests()}
    paths = {"MedicationRequest": "medication"}
    for kind, name in sorted(asked):
        chosen = {"path": paths.get(kind, "code"), "valueSet": edition.canonical("ValueSet", name)}
        found.append({"type": kind, "codeFilter": [chosen]})
    return found


def _of_person(used: PersonalUse) -> Iterator[Json]:
    members = [name for name, needed in (("birthDate", used.birth_date), ("gender", used.sex)) if needed]
    if members:
        yield {"type": "Patient", "mustSupport": members}


def _asked(leaf: Leaf, card: Card, edition: Edition) -> Iterator[tuple[str, str]]:
    """Type of resource and value set of every class, condition and allergy that a fact names."""
    words = {str(spot.value) for spot in walk(_written(leaf, card, edition))} - leaf.tests
    if leaf.fact == "pregnant":
        stated = set(edition.listed["conditions.yaml"]["observations"])  # the conditions that Observations state
        words |= stated
        yield from (("Observation", f"observed-{name}") for name in stated)
    if "medications" in leaf.needs:
        yield from (("MedicationRequest", f"drug-class-{name}") for name in _classes(words, edition))
    if leaf.needs & {"conditions", "medications"}:
        yield from (("Condition", f"condition-{name}") for name in words & set(edition.references.concepts))
    if "allergies" in leaf.needs:
        yield from (("AllergyIntolerance", f"drug-class-{name}") for name in _classes(words, edition))
        yield from (("AllergyIntolerance", f"allergy-{name}") for name in words & set(coded_allergies(edition)))


def _classes(words: Iterable[str], edition: Edition) -> set[str]:
    pairs = edition.references.pairs
    partners = {name for word in words if word in pairs for name in pairs[word].rows}
    return {*words, *partners} & set(edition.references.terms.classes)


def coded_allergies(edition: Edition) -> tuple[str, ...]:
    """The substances whose allergy has codes of its own."""
    entries = edition.listed["conditions.yaml"]["allergies"]
    return tuple(sorted(name for name, entry in entries.items() if entry.get("from")))


def _written(leaf: Leaf, card: Card, edition: Edition) -> Spot:
    """The fact as its author wrote it, in the card or among the named criteria."""
    steps = _STEPS.findall(leaf.place)
    named = edition.references.criteria.get(steps[0])
    spot = named if named is not None else whole(_document(card, edition))
    for step in steps[1:] if named is not None else steps:
        spot = spot.items()[int(step)] if isinstance(spot.value, list) else spot.mapping()[step]
    return spot


def _document(card: Card, edition: Edition) -> Document:
    name = f"{card.folder}/card.yaml"
    read = read_yaml(edition.folder / name, name)
    return regional(read, edition.region, tuple(edition.library.regions))
