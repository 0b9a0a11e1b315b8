"""Drug classes: which ingredients belong to which class, and when a product is not meant although it contains one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.terminology.names import Phrase, PhraseIndex, holds_any, phrase_index, words

Entries = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Products a class does not mean: by their route or by words of their name."""

    routes: frozenset[str]
    phrases: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of `classes.yaml`, ready to look up.

    `members` maps a class to its ingredients, `of` an ingredient to its classes, `above` a class to itself and every
    class that includes it. `watched` maps words to look for in a text that is not understood to classes.
    """

    members: Mapping[str, frozenset[str]]
    of: Mapping[str, frozenset[str]]
    above: Mapping[str, frozenset[str]]
    titles: Mapping[str, str]
    watched: Mapping[Phrase, Sequence[str]]
    phrases: PhraseIndex
    excluded: Mapping[str, Exclusion]

    def for_ingredients(self, ingredients: Iterable[str]) -> frozenset[str]:
        """Every class that holds one of these ingredients."""
        return frozenset().union(*(self.of.get(ingredient, frozenset()) for ingredient in ingredients))

    def meant(self, found: frozenset[str], route: str, name: Sequence[str]) -> frozenset[str]:
        """The found classes less those that do not mean a product of this route or name."""
        return frozenset(drug_class for drug_class in found if not self._is_excluded(drug_class, route, name))

    def _is_excluded(self, drug_class: str, route: str, name: Sequence[str]) -> bool:
        excluded = self.excluded.get(drug_class)
        return excluded is not None and (route in excluded.routes or holds_any(name, excluded.phrases))

    def watch(self, text: Sequence[str]) -> frozenset[str]:
        """The classes whose watched words stand in the text, with the classes that include them."""
        hinted = (drug_class for phrase in self.phrases.standing_in(text) for drug_class in self.watched[phrase])
        return frozenset().union(*(self.above[drug_class] for drug_class in hinted))


def build_classes(listed: Mapping[str, Any], known: frozenset[str]) -> Classes:
    """The classes of `classes.yaml`.

    Raises ValueError for an ingredient not in `known`, a class that is not listed, or classes that include themselves.
    """
    entries: Entries = listed["classes"]
    members = {name: frozenset(_members(name, entries, known, ())) for name in entries}
    above = {name: frozenset(other for other in entries if name in _below(other, entries)) for name in entries}
    of: dict[str, set[str]] = {}
    for name, ingredients in members.items():
        for ingredient in ingredients:
            of.setdefault(ingredient, set()).add(name)
    watched = _watched(entries)
    return Classes(
        members,
        {ingredient: frozenset(names) for ingredient, names in of.items()},
        above,
        {name: str(entry["title"]) for name, entry in entries.items()},
        watched,
        phrase_index(watched),
        {name: _exclusion(entry["not_meant"]) for name, entry in entries.items() if "not_meant" in entry},
    )


def _watched(entries: Entries) -> dict[Phrase, list[str]]:
    found: dict[Phrase, list[str]] = {}
    for name, entry in entries.items():
        for phrase in entry.get("watched", ()):
            found.setdefault(words(phrase), []).append(name)
    return found


def _members(name: str, entries: Entries, known: frozenset[str], path: tuple[str, ...]) -> set[str]:
    if name not in entries:
        raise ValueError(f'classes.yaml: class "{path[-1]}" includes "{name}", which is not listed.')
    if name in path:
        raise ValueError(f'classes.yaml: class "{name}" includes itself by way of {", ".join(path)}.')
    own = set(entries[name].get("ingredients", ()))
    if unknown := sorted(own - known):
        raise ValueError(f'classes.yaml: class "{name}" lists {", ".join(unknown)}; ingredients.csv has no such name.')
    return own.union(*(_members(other, entries, known, (*path, name)) for other in entries[name].get("includes", ())))


def _below(name: str, entries: Entries) -> set[str]:
    return {name}.union(*(_below(other, entries) for other in entries[name].get("includes", ())))


def _exclusion(entry: Mapping[str, Any]) -> Exclusion:
    return Exclusion(frozenset(entry.get("routes", ())), tuple(words(phrase) for phrase in entry.get("words", ())))
