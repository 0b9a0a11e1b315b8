"""Everything the readers of a chart ask the terminology, behind one value."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.terminology.conditions import Conditions, build_conditions
from cds_service.terminology.derivations import Adjusted, Derivation, build_derivations
from cds_service.terminology.drugs import Drugs, build_drugs
from cds_service.terminology.labs import Labs, build_labs
from cds_service.terminology.routes import Routes, build_routes
from cds_service.terminology.specimens import Specimens, build_specimens
from cds_service.terminology.systems import system_name
from cds_service.terminology.tables import Tables
from cds_service.terminology.values import (
    Coding,
    ConceptMatch,
    DrugMatch,
    LabMatch,
    ObservedMatch,
    SubstanceMatch,
    Test,
    Unusable,
)

Listed = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The terminology of one library; immutable but for bounded caches of texts already read.

    Two of them are equal when they are one: what was found by one is kept for it alone.

    `combined` are the tests of which a result is combined with another one of its day.
    """

    _drugs: Drugs
    _labs: Labs
    _conditions: Conditions
    _routes: Routes
    specimens: Specimens
    derivations: tuple[Derivation, ...] = ()
    combined: frozenset[str] = frozenset()

    @property
    def tests(self) -> Mapping[str, Test]:
        """Every known test by name."""
        return self._labs.tests

    def sources(self, tests: Iterable[str]) -> frozenset[str]:
        """These tests and those from which they are calculated."""
        found = frozenset(tests)
        for rule in reversed(self.derivations):
            if rule.test in found:
                found |= rule.needs()
        return found

    @property
    def classes(self) -> Mapping[str, frozenset[str]]:
        """Every drug class with all its ingredients, included classes expanded."""
        return self._drugs.classes.members

    @property
    def ingredients(self) -> frozenset[str]:
        """Every ingredient the tables know."""
        return self._drugs.ingredients

    @property
    def condition_titles(self) -> Mapping[str, str]:
        """Every known condition with the words a sentence uses for it."""
        return self._conditions.titles

    @property
    def stated_conditions(self) -> frozenset[str]:
        """The conditions that an Observation may state."""
        return frozenset(match.concept for match in self._conditions.observations.values())

    @property
    def coded_allergies(self) -> frozenset[str]:
        """The substances whose allergy has codes of its own."""
        return frozenset().union(*(sure | hinted for sure, hinted in self._conditions.allergies.values()))

    @property
    def class_titles(self) -> Mapping[str, str]:
        """Every drug class with the words a sentence uses for it."""
        return self._drugs.classes.titles

    @property
    def route_words(self) -> frozenset[str]:
        """Every word for a route that a medicine may come to have."""
        found = self._routes
        return frozenset({*found.codes.values(), *found.special.values(), *(word for _, word in found.phrases)})

    def meant(self, classes: frozenset[str], route: str) -> frozenset[str]:
        """The classes less those that do not mean a medicine given by this route."""
        return self._drugs.classes.meant(classes, route, ()) if route else classes

    def drug(self, codings: Sequence[Coding], text: str) -> DrugMatch:
        """What a medicine contains: by code, else by name, else only the classes its words hint at."""
        return self._drugs.match(codings, text)

    def lab(self, codings: Sequence[Coding]) -> LabMatch | None:
        """Which test a result belongs to, by the exact list of codes; None when to none."""
        return self._labs.match(codings)

    def quantity(self, test: str, value: float, unit: str, code: str, system: str) -> float | Unusable:
        """A number in the unit of its test, rounded to 9 decimals, or why it cannot be used."""
        return self._labs.quantity(test, value, unit, code, system)

    def concepts(self, codings: Sequence[Coding], text: str) -> ConceptMatch:
        """The conditions a problem-list entry or a reason states."""
        return self._conditions.match(codings, text)

    def substance(self, codings: Sequence[Coding], text: str) -> SubstanceMatch:
        """The substances an allergy names: ingredients and drug classes."""
        return self._conditions.substance(codings, text, self._drugs.match(codings, text))

    def observed(self, codings: Sequence[Coding]) -> ObservedMatch | None:
        """The condition an Observation states (its status or its due date); None when it states none."""
        return self._conditions.observed(codings)

    def affirms(self, codings: Sequence[Coding]) -> bool | None:
        """What the value of such an Observation says: yes, no, or not understood."""
        return self._conditions.affirms(codings)

    def route(self, codings: Sequence[Coding], text: str) -> str:
        """The route a dosage instruction names, as a word of `routes.yaml`, or ""."""
        return self._routes.match(codings, text)

    def lab_codes(self, tests: Iterable[str]) -> tuple[str, ...]:
        """The LOINC codes that count for these tests, sorted."""
        return self._labs.codes(tests)

    def observation_tokens(self, tests: Iterable[str]) -> tuple[str, ...]:
        """What to search Observations for: results of these tests and statements of conditions, as `system|code`."""
        labs = (("loinc", code) for code in self._labs.codes(tests))
        return tuple(f"{system_name(word)}|{code}" for word, code in (*labs, *sorted(self._conditions.observations)))

    def drug_coding(self, ingredient: str) -> Coding | None:
        """A good code to write an ingredient with; None when the tables have none."""
        return self._drugs.coding(ingredient)

    def lab_coding(self, test: str, variant: str = "") -> Coding:
        """A good code to write a result of this test with. Raises KeyError for an unknown test or variant."""
        return self._labs.coding(test, variant)

    def concept_coding(self, concept: str) -> Coding:
        """A good code to write this condition with. Raises KeyError when no code states it."""
        return self._conditions.coding(concept)


def build_terms(tables: Tables, classes: Listed, labs: Listed, conditions: Listed, routes: Listed) -> Terms:
    """The terminology from the generated tables and the readable lists; raises ValueError where they disagree."""
    route_words = build_routes(routes)
    derivations = build_derivations(labs.get("derived", {}))
    return Terms(
        build_drugs(tables, classes, route_words),
        build_labs(tables, labs),
        build_conditions(tables, conditions),
        route_words,
        build_specimens(labs["specimens"]),
        derivations,
        frozenset(rule.binder for rule in derivations if isinstance(rule, Adjusted)),
    )
