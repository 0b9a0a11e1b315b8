"""Which ingredients a medicine contains: exact codes first, names last, and how certain that is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from cds_service.terminology.atc import AtcTree, build_atc
from cds_service.terminology.classes import Classes, build_classes
from cds_service.terminology.memory import Key, remember
from cds_service.terminology.names import NameIndex, build_names, words
from cds_service.terminology.routes import Routes
from cds_service.terminology.systems import system_name, system_word
from cds_service.terminology.tables import IngredientCode, Product, Tables
from cds_service.terminology.values import Coding, Confidence, DrugMatch

_MILLIGRAMS = re.compile(r"(?<![\d.,])(\d+(?:[.,]\d+)?)\s?mg\b(?!\s?/)", re.IGNORECASE)
_NOT_SINGLE = re.compile(r"/|\+|\bml\b", re.IGNORECASE)
_COMPONENTS = frozenset({"SCDC", "SBDC"})
_NO_MEDICINES = frozenset({"loinc", "ucum", "edqm", "v3-route"})
_NOTHING: frozenset[str] = frozenset()


class Entry(NamedTuple):
    """What one code of the tables stands for."""

    ingredients: tuple[str, ...]
    name: str
    tty: str


@dataclass(frozen=True, slots=True)
class Drugs:
    """All look-ups for medicines."""

    entries: Mapping[tuple[str, str], Entry]
    names: NameIndex
    atc: AtcTree
    classes: Classes
    routes: Routes
    ingredients: frozenset[str]
    preferred: Mapping[str, Coding]
    _texts: dict[Key, DrugMatch] = field(default_factory=dict)
    _codes: dict[Key, DrugMatch] = field(default_factory=dict)

    def match(self, codings: Sequence[Coding], text: str) -> DrugMatch:
        """What the medicine contains; the first coding that is known decides, then the names in displays and text."""
        for coding in codings:
            found = self._by_code(coding)
            if found is not None:
                return found
        displays = (coding.display for coding in codings if system_word(coding.system) not in _NO_MEDICINES)
        told = tuple(said for said in (*displays, text) if said)
        return self._texts.get(told) or remember(self._texts, told, self._by_name(told))

    def coding(self, ingredient: str) -> Coding | None:
        """A code to write this ingredient with."""
        return self.preferred.get(ingredient)

    def _by_code(self, coding: Coding) -> DrugMatch | None:
        system = system_word(coding.system)
        if not system or not coding.code:
            return None
        key = f"{coding.system}|{coding.code}"
        if known := self._codes.get((key,)):
            return known
        found = self._read_code(system, coding, key)
        return remember(self._codes, (key,), found) if found else None

    def _read_code(self, system: str, coding: Coding, key: str) -> DrugMatch | None:
        if system == "atc":
            return self._by_atc(coding.code.upper().replace(" ", ""), key)
        entry = self.entries.get((system, coding.code))
        if entry is None:
            return None
        return self._describe(entry.ingredients, _NOTHING, entry.name, entry.tty, "code", key)

    def _by_atc(self, code: str, key: str) -> DrugMatch | None:
        entry = self.entries.get(("atc", code))
        ingredients, classes = self.atc.find(code)
        ingredients = tuple(sorted({*ingredients, *(entry.ingredients if entry else ())}))
        if not ingredients and not classes:
            return None
        return self._describe(ingredients, classes, "", "", "code", key, self.routes.of_atc(code))

    def _by_name(self, told: Sequence[str]) -> DrugMatch:
        for text in told:
            if ingredients := self.names.find(words(text)):
                return self._describe(ingredients, _NOTHING, text, "", "name", "")
        unread = [text for text in map(words, told) if not self.names.is_ruled_out(text)]
        watched = _NOTHING.union(*map(self.classes.watch, unread))
        return DrugMatch((), _NOTHING, "", "none", "", None, watched)

    def _describe(
        self,
        ingredients: tuple[str, ...],
        classes: frozenset[str],
        name: str,
        tty: str,
        confidence: Confidence,
        key: str,
        route: str = "",
    ) -> DrugMatch:
        name_words = words(name)
        route = self.routes.for_ingredients(ingredients, route or self.routes.in_name(name_words))
        above = (self.classes.above[drug_class] for drug_class in classes)
        found = self.classes.for_ingredients(ingredients).union(*above)
        meant = self.classes.meant(found, route, name_words)
        strength = self._strength(name, name_words, tty) if len(ingredients) == 1 else None
        return DrugMatch(ingredients, meant, route, confidence, key, strength, _NOTHING)

    def _strength(self, name: str, name_words: Sequence[str], tty: str) -> float | None:
        if _NOT_SINGLE.search(name) or not (tty in _COMPONENTS or not self.routes.solid.isdisjoint(name_words)):
            return None
        found = _MILLIGRAMS.findall(name)
        return float(found[0].replace(",", ".")) if len(found) == 1 else None


def build_drugs(tables: Tables, classes: Mapping[str, Any], routes: Routes) -> Drugs:
    """The look-ups from the generated tables and `classes.yaml`; raises ValueError where they disagree."""
    known = frozenset(row.ingredient for row in tables.ingredients)
    built = build_classes(classes, known)
    if unknown := sorted({row.drug_class for row in tables.atc} - built.above.keys()):
        raise ValueError(f"atc.csv: {', '.join(unknown)} is not a class of classes.yaml.")
    return Drugs(
        _entries(tables.ingredients, tables.products),
        build_names(tables.names, routes.form_words),
        build_atc(tables.atc),
        built,
        routes,
        known,
        _preferred(tables.ingredients),
    )


def _entries(ingredients: Sequence[IngredientCode], products: Sequence[Product]) -> dict[tuple[str, str], Entry]:
    split = cache(lambda joined: tuple(joined.split(";")))  # thousands of rows, few hundred combinations
    entries = {("rxnorm", row.code): Entry(split(row.ingredients), row.name, row.tty) for row in products}
    by_code: dict[tuple[str, str], set[str]] = {}
    for row in ingredients:
        if row.code:
            by_code.setdefault((row.system, row.code), set()).add(row.ingredient)
            entries[row.system, row.code] = Entry((), row.name, row.tty)
    for key, names in by_code.items():
        entries[key] = entries[key]._replace(ingredients=tuple(sorted(names)))
    return entries


def _preferred(ingredients: Sequence[IngredientCode]) -> dict[str, Coding]:
    order = {"IN": 0, "PIN": 1, "MIN": 2}
    coded = [row for row in ingredients if row.system == "rxnorm"]
    coded.sort(key=lambda row: order.get(row.tty, 3), reverse=True)  # the best code is written last and stays
    return {row.ingredient: Coding(system_name("rxnorm"), row.code, row.name) for row in coded}
