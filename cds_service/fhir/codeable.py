"""Codes and words of a CodeableConcept, cleaned for comparison."""

from collections.abc import Iterable
from functools import lru_cache

from cds_service.fhir.elements import CodeableConcept
from cds_service.terminology import Coding, clean, clean_coding

_LONGEST_NAME = 120
# Codes repeat from call to call, so the cleaned ones are kept; longer strings are not, to bound the memory.
_LONGEST_KEPT = 160


def codings(concept: CodeableConcept | None) -> list[Coding]:
    """Every coding of a concept that has a code or words."""
    if concept is None or not concept.coding:
        return []
    return [
        _cleaned(coding.system, coding.code, coding.display)
        for coding in concept.coding
        if coding is not None and (coding.code or coding.display)
    ]


def _cleaned(system: str | None, code: str | None, display: str | None) -> Coding:
    if len(system or "") + len(code or "") + len(display or "") > _LONGEST_KEPT:
        return clean_coding(system, code, display)
    return _kept_coding(system, code, display)


def text_of(concept: CodeableConcept | None) -> str:
    """The concept's own words, or ""."""
    return clean(concept.text) if concept is not None else ""


def name_of(concept: CodeableConcept | None) -> str:
    """What a reader would call it: its words, else the first display, else ""; at most 120 characters."""
    if concept is None:
        return ""
    named = text_of(concept) or next((coding.display for coding in codings(concept) if coding.display), "")
    return short(named)


def short(text: object, longest: int = _LONGEST_NAME) -> str:
    """Cleaned words on one line, cut to a length that a card can hold."""
    return " ".join(clean(text).split())[:longest].rstrip()


def words_of(concepts: Iterable[CodeableConcept | None]) -> str:
    """All words of some concepts in one string, for looking words up."""
    found = []
    for concept in concepts:
        if concept is not None:
            found.append(text_of(concept))
            found.extend(f"{coding.display} {coding.code}" for coding in codings(concept))
    return " ".join(found)


def code_word(concept: CodeableConcept | None) -> str:
    """The first code (or else the words) of a status-like concept, in lower case; "" when there is none.

    Also reads the older string form, which arrives here as the concept's words.
    """
    if concept is None:
        return ""
    first = next((coding.code for coding in codings(concept) if coding.code), "")
    return (first or text_of(concept)).lower()


def word(text: str | None) -> str:
    """A code such as a status, as it may be compared: without outer blanks, in lower case."""
    if not text:
        return ""
    return _kept_word(text) if len(text) <= _LONGEST_KEPT else clean(text).lower()


@lru_cache(maxsize=8192)
def _kept_coding(system: str | None, code: str | None, display: str | None) -> Coding:
    return clean_coding(system, code, display)


@lru_cache(maxsize=1024)
def _kept_word(text: str) -> str:
    return clean(text).lower()
