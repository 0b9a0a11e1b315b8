"""What the concepts of resources mean to the terminology, each looked up whole: most of a call was seen before."""

from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from cds_service.fhir.codeable import told
from cds_service.fhir.elements import CodeableConcept
from cds_service.terminology import ConceptMatch, DrugMatch, LabMatch, ObservedMatch, SubstanceMatch, Terms
from cds_service.terminology.memory import remembered

_LONGEST_TEST_NAME = 200
_Concept = CodeableConcept | None


class Drug(Struct, frozen=True):
    """A medicine as ordered: its name and what the terminology makes of it.

    `stated` is False when the order names no medicine at all (a reference that leads nowhere counts as named);
    `legible` is False when what it names cannot be known: no words, and no code.
    """

    name: str
    match: DrugMatch
    form: CodeableConcept | None = None
    stated: bool = True
    legible: bool = True


class ObservationCode(Struct, frozen=True):
    """What the code of an Observation means: a laboratory test, a condition it states, or neither.

    `of_blood` is False where its own words may speak of another specimen, or of one that is spoilt.
    """

    lab: LabMatch | None
    states: ObservedMatch | None
    of_blood: bool


class Stated(Struct, frozen=True):
    """A condition as a reader would call it, and what it means."""

    name: str
    match: ConceptMatch


class Allergen(Struct, frozen=True):
    """What somebody is allergic to, as a reader would call it, and the substances it names."""

    name: str
    match: SubstanceMatch


class Concepts(Struct, frozen=True):
    """What concepts mean by one terminology; None counts as a concept without codes and words.

    `meant` are the classes of a medicine less those that do not mean one given by this route.
    """

    drug: Callable[[_Concept], Drug]
    meant: Callable[[tuple[frozenset[str], str]], frozenset[str]]
    route: Callable[[_Concept], str]
    observation: Callable[[_Concept], ObservationCode]
    condition: Callable[[_Concept], Stated]
    allergen: Callable[[_Concept], Allergen]


@lru_cache(maxsize=4)
def concepts_of(terms: Terms) -> Concepts:
    """What concepts mean by these terms; what was found is kept as long as they are."""

    def drug(concept: _Concept) -> Drug:
        read = told(concept)
        legible = bool(read.name) or any(coding.code for coding in read.codings)
        return Drug(read.name, terms.drug(read.codings, read.text), legible=legible)

    def meant(given: tuple[frozenset[str], str]) -> frozenset[str]:
        classes, route = given
        return terms.meant(classes, route)

    def route(concept: _Concept) -> str:
        read = told(concept)
        return terms.route(read.codings, read.text)

    def observation(concept: _Concept) -> ObservationCode:
        codings = told(concept).codings
        return ObservationCode(terms.lab(codings), terms.observed(codings), _of_blood(concept, terms))

    def condition(concept: _Concept) -> Stated:
        read = told(concept)
        return Stated(read.name, terms.concepts(read.codings, read.text))

    def allergen(concept: _Concept) -> Allergen:
        read = told(concept)
        return Allergen(read.name, terms.substance(read.codings, read.text))

    return Concepts(
        drug=remembered(drug),
        meant=remembered(meant),
        route=remembered(route),
        observation=remembered(observation),
        condition=remembered(condition),
        allergen=remembered(allergen),
    )


def _of_blood(concept: _Concept, terms: Terms) -> bool:
    text = concept.text if concept is not None else None
    if not text:
        return True
    specimens = terms.specimens
    return len(text) <= _LONGEST_TEST_NAME and not specimens.elsewhere(text) and not specimens.broken(text)
