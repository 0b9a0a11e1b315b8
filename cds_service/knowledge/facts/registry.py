"""How a fact gets its name: one decorator, one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cds_service.chart import Section
from cds_service.knowledge.case import Judge
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import Trait


class Question(NamedTuple):
    """A fact with its argument read: the words for it, the function, and the data it looks at.

    `of_patient` says that the answer is the same whatever medicine a card is about.
    """

    text: str
    judge: Judge
    needs: frozenset[Section]
    tests: frozenset[str] = frozenset()
    partner: bool = False
    of_patient: bool = False


Build = Callable[[Spot, References], Question]


@dataclass(frozen=True, slots=True)
class Fact:
    """A word of the vocabulary. `schema` is the JSON Schema of its argument; `build` reads one use of it.

    `reads` is what of the person any use of it looks at; a test estimated from age and sex comes on top (`uses`).
    """

    name: str
    speaks_of: str
    unknown_when: str
    schema: Mapping[str, object]
    reads: frozenset[Trait]
    build: Build


FACTS: dict[str, Fact] = {}


def fact(
    name: str, speaks_of: str, unknown_when: str, schema: Mapping[str, object], reads: frozenset[Trait]
) -> Callable[[Build], Build]:
    """Register a fact under its name; the decorated function reads its argument."""

    def register(build: Build) -> Build:
        FACTS[name] = Fact(name, speaks_of, unknown_when, schema, reads, build)
        return build

    return register


MEDICATIONS: frozenset[Section] = frozenset({"medications"})
WORD: Mapping[str, object] = {"type": "string"}
WORDS: Mapping[str, object] = {"oneOf": [WORD, {"type": "array", "items": WORD, "minItems": 1}]}
TRUE: Mapping[str, object] = {"const": True}
SPAN: Mapping[str, object] = {"type": "string", "pattern": r"^[0-9]+ (day|days|week|weeks)$"}


def words(spot: Spot, kind: str, allowed: Mapping[str, object] | frozenset[str]) -> tuple[str, ...]:
    """One word or a list of words, each out of a closed list."""
    return tuple(entry.choice(kind, allowed) for entry in spot.one_or_more())


def marked(members: Mapping[str, Spot], key: str) -> bool:
    """Whether a mark such as `ever: true` stands there (it is written with true or not at all)."""
    if key in members:
        members[key].true()
    return key in members


def classes_spoken(names: tuple[str, ...], references: References) -> str:
    """Drug classes by their titles, joined for a sentence."""
    return spoken(tuple(references.terms.class_titles.get(name, name) for name in names))


def spoken(names: tuple[str, ...]) -> str:
    """Words joined for a sentence."""
    plain = [name.replace("-", " ") for name in names]
    return plain[0] if len(plain) == 1 else f"{', '.join(plain[:-1])} or {plain[-1]}"
