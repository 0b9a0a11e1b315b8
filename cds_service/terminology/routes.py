"""How a medicine gets into the body: from route codes, from words, from the form in a product's name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.terminology.names import holds, words
from cds_service.terminology.systems import system_word
from cds_service.terminology.values import Coding


@dataclass(frozen=True, slots=True)
class Routes:
    """The tables of `routes.yaml`.

    `phrases` stand in the order they are tried. `special` says what a route becomes for one ingredient.
    `solid` are words of dose forms that are counted in pieces; `form_words` never name a medicine.
    """

    codes: Mapping[tuple[str, str], str]
    phrases: Sequence[tuple[tuple[str, ...], str]]
    atc: Sequence[tuple[str, str]]
    special: Mapping[tuple[str, str], str]
    solid: frozenset[str]
    form_words: frozenset[str]

    def match(self, codings: Sequence[Coding], text: str) -> str:
        """The route of a dosage instruction: by code, else by the words of displays and text; "" when not told."""
        for coding in codings:
            found = self.codes.get((system_word(coding.system), coding.code))
            if found is not None:
                return found
        for told in (*(coding.display for coding in codings), text):
            if found := self.in_name(words(told)):
                return found
        return ""

    def in_name(self, name: Sequence[str]) -> str:
        """The route the words of a product's name or of an instruction tell, or ""."""
        return next((route for phrase, route in self.phrases if holds(name, phrase)), "")

    def of_atc(self, code: str) -> str:
        """The route an ATC group implies, or ""."""
        return next((route for prefix, route in self.atc if code.startswith(prefix)), "")

    def for_ingredients(self, ingredients: Sequence[str], route: str) -> str:
        """The route, corrected for ingredients whose form means another one."""
        corrected = (self.special.get((ingredient, route)) for ingredient in ingredients)
        return next((other for other in corrected if other), route)


def build_routes(listed: Mapping[str, Any]) -> Routes:
    """The tables of `routes.yaml`; raises KeyError when a part is missing."""
    return Routes(
        {
            (system, code): route
            for route, systems in listed["codes"].items()
            for system, codes in systems.items()
            for code in codes
        },
        tuple((words(phrase), entry["route"]) for entry in listed["words"] for phrase in entry["any_of"]),
        tuple(sorted(listed["atc"].items(), key=lambda pair: (-len(pair[0]), pair[0]))),
        {
            (ingredient, route): other
            for ingredient, changes in listed["special"].items()
            for route, other in changes.items()
        },
        frozenset(listed["solid_forms"]),
        frozenset(word for phrase in listed["form_words"] for word in words(phrase)),
    )
