"""Which conditions an entry states, by exact codes and code ranges, and which its words only hint at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cds_service.terminology.memory import remember
from cds_service.terminology.names import Phrase, PhraseIndex, phrase_index, words
from cds_service.terminology.systems import system_name, system_word
from cds_service.terminology.tables import ConditionCode, Tables
from cds_service.terminology.values import Coding, ConceptMatch, DrugMatch, ObservedMatch, SubstanceMatch

Key = tuple[str, str]
Meaning = tuple[frozenset[str], frozenset[str]]  # what a code says for sure, and what it only supports
NO_MEANING: Meaning = (frozenset(), frozenset())
Kind = Literal["status", "due-date"]


@dataclass(frozen=True, slots=True)
class Watch:
    """Words that hint at something, and words beside which they do not."""

    name: str
    said: frozenset[Phrase]
    unless: frozenset[Phrase]

    def hints(self, texts: Iterable[frozenset[Phrase]]) -> bool:
        """True when one text, given as the phrases that stand in it, holds the words and none of the others."""
        return any(not self.said.isdisjoint(text) and self.unless.isdisjoint(text) for text in texts)


@dataclass(frozen=True, slots=True)
class Conditions:
    """All look-ups for conditions and allergies.

    `exact` and `prefixes` map a code, or the beginning of one, to what it means; `allergies` do so for substances.
    """

    titles: Mapping[str, str]
    exact: Mapping[Key, Meaning]
    prefixes: Mapping[Key, Meaning]
    longest_prefix: int
    watches: Sequence[Watch]
    phrases: PhraseIndex
    not_stated: frozenset[Phrase]
    allergies: Mapping[Key, Meaning]
    allergy_watches: Sequence[Watch]
    allergy_phrases: PhraseIndex
    observations: Mapping[Key, ObservedMatch]
    answers: Mapping[Key, bool]
    preferred: Mapping[str, Coding]
    _seen: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    _seen_allergies: dict[tuple[str, ...], tuple[frozenset[str], bool]] = field(default_factory=dict)

    def match(self, codings: Sequence[Coding], text: str) -> ConceptMatch:
        """The concepts an entry states by code, and those that weaker codes or words only hint at."""
        sure, supported = _together(meaning for coding in codings for meaning in self._meanings(coding))
        unclear = supported | self._hinted((*(coding.display for coding in codings), text))
        return ConceptMatch(sure, unclear - sure)

    def substance(self, codings: Sequence[Coding], text: str, drug: DrugMatch) -> SubstanceMatch:
        """The substances an allergy names; `drug` is what its code or words are as a medicine."""
        coded, supported = _together(self._allergy(coding) for coding in codings)
        sure = coded.union(drug.ingredients, drug.classes)
        watched, doubtful = self._allergy_words((*(coding.display for coding in codings), text))
        hinted = watched | drug.watched | supported
        if drug.confidence == "name" and doubtful:
            return SubstanceMatch(frozenset(), sure | hinted)
        return SubstanceMatch(sure, hinted - sure)

    def observed(self, codings: Sequence[Coding]) -> ObservedMatch | None:
        """The condition an Observation with this code states, or None."""
        matches = (self.observations.get(_key(coding)) for coding in codings)
        return next((found for found in matches if found is not None), None)

    def affirms(self, codings: Sequence[Coding]) -> bool | None:
        """Yes or no, when all understood codings agree; None otherwise."""
        said = {self.answers[key] for key in map(_key, codings) if key in self.answers}
        return said.pop() if len(said) == 1 else None

    def coding(self, concept: str) -> Coding:
        """A code to write this condition with."""
        return self.preferred[concept]

    def _meanings(self, coding: Coding) -> Iterable[Meaning]:
        system, code = _key(coding)
        if (system, code) in self.exact:
            yield self.exact[system, code]
        if system.startswith("icd"):
            ends = range(1, min(len(code), self.longest_prefix) + 1)
            found = (self.prefixes.get((system, code[:end])) for end in ends)
            yield from (meaning for meaning in found if meaning is not None)

    def _allergy(self, coding: Coding) -> Meaning:
        system, code = _key(coding)
        ends = range(min(len(code), self.longest_prefix), 0, -1) if system.startswith("icd") else (len(code),)
        found = (self.allergies.get((system, code[:end])) for end in ends)
        return next((meaning for meaning in found if meaning is not None), NO_MEANING)

    def _hinted(self, told: tuple[str, ...]) -> frozenset[str]:
        found = self._seen.get(told)
        if found is None:
            texts = _standing(self.phrases, told)
            found = frozenset(watch.name for watch in self.watches if watch.hints(texts)) if texts else frozenset()
            return remember(self._seen, told, found)
        return found

    def _allergy_words(self, told: tuple[str, ...]) -> tuple[frozenset[str], bool]:
        """What the words of an allergy hint at, and whether they say that nothing was stated."""
        found = self._seen_allergies.get(told)
        if found is None:
            texts = _standing(self.allergy_phrases, told)
            watched = frozenset(watch.name for watch in self.allergy_watches if watch.hints(texts))
            doubtful = any(not self.not_stated.isdisjoint(text) for text in texts)
            found = remember(self._seen_allergies, told, (watched, doubtful))
        return found


def _standing(phrases: PhraseIndex, told: Iterable[str]) -> list[frozenset[Phrase]]:
    """The phrases that stand in each text, for the texts in which any does."""
    return [found for text in told if text and (found := phrases.standing_in(words(text)))]


def _key(coding: Coding) -> Key:
    system = system_word(coding.system)
    return system, plain_code(system, coding.code)


def _together(meanings: Iterable[Meaning]) -> Meaning:
    sure: set[str] = set()
    supported: set[str] = set()
    for meaning in meanings:
        sure |= meaning[0]
        supported |= meaning[1]
    return frozenset(sure), frozenset(supported)


def plain_code(system: str, code: str) -> str:
    """A code as it is compared: ICD codes without their dot and in capitals."""
    return code.replace(".", "").replace(" ", "").upper() if system.startswith("icd") else code


def build_conditions(tables: Tables, listed: Mapping[str, Any]) -> Conditions:
    """The look-ups from `conditions.csv` and `conditions.yaml`; raises ValueError where they disagree."""
    entries: Mapping[str, Mapping[str, Any]] = listed["concepts"]
    concepts_of = _concepts_of(entries)
    _check(tables.conditions, concepts_of, listed["allergies"])
    general = tuple(words(phrase) for phrase in listed["not_words"])
    exact, prefixes = _coded(tables.conditions, concepts_of)
    allergies = _allergy_codes(tables.conditions, listed["allergies"])
    watches = tuple(_watch(name, entry, general) for name, entry in entries.items())
    allergy_watches = tuple(_watch(name, entry, ()) for name, entry in listed["allergies"].items())
    not_stated = frozenset(words(phrase) for phrase in listed["not_stated"])
    return Conditions(
        {name: entry["title"] for name, entry in entries.items()},
        exact,
        prefixes,
        max((len(code) for _, code in (*prefixes, *allergies)), default=0),
        watches,
        phrase_index(_looked_for(watches)),
        not_stated,
        allergies,
        allergy_watches,
        phrase_index((*_looked_for(allergy_watches), *sorted(not_stated))),
        _observations(listed["observations"]),
        {key: answer == "yes" for answer, systems in listed["answers"].items() for key in _pairs(systems)},
        _preferred(tables.conditions, entries),
    )


def _watch(name: str, entry: Mapping[str, Any], general: Sequence[Phrase]) -> Watch:
    unless = (words(phrase) for phrase in entry.get("not_words", ()))
    return Watch(name, frozenset(words(phrase) for phrase in entry.get("words", ())), frozenset((*general, *unless)))


def _looked_for(watches: Iterable[Watch]) -> Iterable[Phrase]:
    return (phrase for watch in watches for phrase in sorted(watch.said | watch.unless))


def _concepts_of(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Source concept -> the concepts of `conditions.yaml` that take it."""
    found: dict[str, set[str]] = {}
    for name, entry in entries.items():
        for source in entry["from"]:
            found.setdefault(source, set()).add(name)
    return {source: frozenset(names) for source, names in found.items()}


def _coded(
    rows: Sequence[ConditionCode], concepts_of: Mapping[str, frozenset[str]]
) -> tuple[dict[Key, Meaning], dict[Key, Meaning]]:
    tables: tuple[dict[Key, Meaning], dict[Key, Meaning]] = ({}, {})
    for row in rows:
        if row.use in {"match", "supporting"} and row.concept in concepts_of:
            table = tables[row.match != "exact"]
            for code in _spread(row):
                _add(table, (row.system, code), concepts_of[row.concept], sure=row.use == "match")
    return tables


def _add(table: dict[Key, Meaning], key: Key, names: frozenset[str], *, sure: bool) -> None:
    known, supported = table.get(key, NO_MEANING)
    table[key] = (known | names, supported) if sure else (known, supported | names)


def _spread(row: ConditionCode) -> list[str]:
    """The prefixes of a row: one, or for a range such as A60-A69 one for each block."""
    if row.match != "range":
        return [row.code]
    first, last = row.code.split("-")
    return [f"{first[0]}{number:02d}" for number in range(int(first[1:]), int(last[1:]) + 1)]


def _allergy_codes(rows: Sequence[ConditionCode], allergies: Mapping[str, Any]) -> dict[Key, Meaning]:
    found: dict[Key, Meaning] = {}
    for substance, entry in allergies.items():
        for row in rows:
            if row.concept in entry.get("from", ()) and row.use in {"allergy", "supporting"}:
                _add(found, (row.system, row.code), frozenset({substance}), sure=row.use == "allergy")
    return found


def _observations(listed: Mapping[str, Mapping[str, Any]]) -> dict[Key, ObservedMatch]:
    kinds: tuple[tuple[str, Kind], ...] = (("status", "status"), ("due_date", "due-date"))
    return {
        key: ObservedMatch(concept, kind, int(entry["status_lasts_days"]))
        for concept, entry in listed.items()
        for part, kind in kinds
        for key in _pairs(entry.get(part, {}))
    }


def _pairs(systems: Mapping[str, Iterable[str]]) -> list[Key]:
    return [(system, str(code)) for system, codes in systems.items() for code in codes]


def _preferred(rows: Sequence[ConditionCode], entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Coding]:
    found: dict[str, Coding] = {}
    for name, entry in entries.items():
        own = [row for row in rows if row.concept in entry["from"] and row.use == "match" and row.match != "range"]
        own.sort(key=lambda row: (row.code != entry.get("write_as", ""), row.system != "snomed", not row.display))
        if own:
            found[name] = Coding(system_name(own[0].system), own[0].code, own[0].display)
    return found


def _check(
    rows: Sequence[ConditionCode], concepts_of: Mapping[str, frozenset[str]], allergies: Mapping[str, Any]
) -> None:
    sources = {row.concept for row in rows}
    taken = frozenset(concepts_of).union(*(entry.get("from", ()) for entry in allergies.values()))
    if unknown := sorted(taken - sources):
        raise ValueError(f"conditions.yaml: conditions.csv has no codes for {', '.join(unknown)}.")
    if unused := sorted(sources - taken):
        raise ValueError(f"conditions.csv: no entry of conditions.yaml takes {', '.join(unused)}.")
