"""Finding known names in free text: whole words only, the longest name first."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cds_service.terminology.tables import DrugName
from cds_service.terminology.values import clean

Phrase = tuple[str, ...]
Name = tuple[tuple[str, ...], tuple[str, ...], bool]  # its words, what it stands for, whether only alone

_WORD = re.compile(r"[^\W_]+")
_NUMBER_THEN_UNIT = re.compile(r"(?<=\d)(?=[a-zµ])")


def words(text: str) -> tuple[str, ...]:
    """The words of a text in lower case, without punctuation; "10MG" is two words."""
    parts = _WORD.findall(clean(text).casefold())
    return tuple(piece for part in parts for piece in (_NUMBER_THEN_UNIT.split(part) if part[0].isdigit() else (part,)))


def holds(text: Sequence[str], phrase: Sequence[str]) -> bool:
    """True when the words of `phrase` stand in `text` one after the other."""
    if phrase[0] not in text:
        return False
    size = len(phrase)
    return any(tuple(text[start : start + size]) == tuple(phrase) for start in range(len(text) - size + 1))


def holds_any(text: Sequence[str], phrases: Iterable[Sequence[str]]) -> bool:
    """True when one of the phrases stands in the text."""
    return any(holds(text, phrase) for phrase in phrases)


@dataclass(frozen=True, slots=True)
class PhraseIndex:
    """Phrases by their first word: one walk over a text finds all of them, however many there are."""

    by_first: Mapping[str, Sequence[Phrase]]

    def standing_in(self, text: Sequence[str]) -> frozenset[Phrase]:
        """The phrases that stand in the text."""
        return frozenset(
            phrase
            for at, word in enumerate(text)
            for phrase in self.by_first.get(word, ())
            if len(phrase) == 1 or tuple(text[at : at + len(phrase)]) == phrase
        )


def phrase_index(phrases: Iterable[Phrase]) -> PhraseIndex:
    """An index of these phrases."""
    by_first: dict[str, list[Phrase]] = {}
    for phrase in dict.fromkeys(phrases):
        by_first.setdefault(phrase[0], []).append(phrase)
    return PhraseIndex(by_first)


@dataclass(frozen=True, slots=True)
class NameIndex:
    """Names by their first word, longest first.

    A name that counts only `alone` needs a text that otherwise holds numbers and plain form words. A text that holds
    one of the `never` phrases names nothing at all.
    """

    by_first: Mapping[str, Sequence[Name]]
    form_words: frozenset[str]
    never: PhraseIndex

    def find(self, text: Sequence[str]) -> tuple[str, ...]:
        """What the names in the text stand for, sorted and without doubles."""
        if self.is_ruled_out(text):
            return ()
        found: set[str] = set()
        odd = [place for place, word in enumerate(text) if not self._is_plain(word)]
        at = 0
        while at < len(text):
            name, meanings = self._at(text, at, odd)
            found.update(meanings)
            at += max(len(name), 1)
        return tuple(sorted(found))

    def is_ruled_out(self, text: Sequence[str]) -> bool:
        """True when the text says that it is no medicine."""
        return bool(self.never.standing_in(text))

    def _at(self, text: Sequence[str], at: int, odd: Sequence[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The name that begins at a word; `odd` are the places of the words that are not plain."""
        for name, meanings, alone in self.by_first.get(text[at], ()):
            if tuple(text[at : at + len(name)]) != name:
                continue
            if not alone or not odd or (at <= odd[0] and odd[-1] < at + len(name)):
                return name, meanings
        return (), ()

    def _is_plain(self, word: str) -> bool:
        return word in self.form_words or word[0].isdigit()


def build_names(rows: Iterable[DrugName], form_words: Iterable[str]) -> NameIndex:
    """An index of the rows of `names.csv`."""
    by_first: dict[str, list[Name]] = {}
    never: list[tuple[str, ...]] = []
    for row in rows:
        name = tuple(row.name.split(" "))
        meanings = tuple(row.ingredients.split(";")) if row.ingredients else ()
        if row.kind == "never":
            never.append(name)
        else:
            by_first.setdefault(name[0], []).append((name, meanings, row.kind == "alone"))
    for names in by_first.values():
        names.sort(key=lambda entry: (-len(entry[0]), entry[0]))
    return NameIndex(by_first, frozenset(form_words), phrase_index(never))
