"""Codes and words of a CodeableConcept, cleaned for comparison."""

from collections.abc import Iterable
from typing import NamedTuple

from cds_service.fhir.elements import CodeableConcept
from cds_service.terminology import Coding, clean, clean_coding
from cds_service.terminology.memory import remembered

_LONGEST_NAME = 120


class Told(NamedTuple):
    """A concept as it may be read: its codings, its own words, what a reader would call it."""

    codings: tuple[Coding, ...] = ()
    text: str = ""
    name: str = ""


@remembered
def told(concept: CodeableConcept | None) -> Told:
    """A concept cleaned; the same codes and words come again and again, so those once cleaned are kept."""
    if concept is None:
        return Told()
    text = clean(concept.text)
    found = tuple(
        clean_coding(coding.system, coding.code, coding.display)
        for coding in concept.coding or ()
        if coding is not None and (coding.code or coding.display)
    )
    named = text or next((coding.display for coding in found if coding.display), "")
    return Told(found, text, short(named))


def codings(concept: CodeableConcept | None) -> tuple[Coding, ...]:
    """Every coding of a concept that has a code or words."""
    return told(concept).codings


def text_of(concept: CodeableConcept | None) -> str:
    """The concept's own words, or ""."""
    return told(concept).text


def name_of(concept: CodeableConcept | None) -> str:
    """What a reader would call it: its words, else the first display, else ""; at most 120 characters."""
    return told(concept).name


def short(text: object, longest: int = _LONGEST_NAME) -> str:
    """Cleaned words on one line, cut to a length that a card can hold."""
    return " ".join(clean(text).split())[:longest].rstrip()


def words_of(concepts: Iterable[CodeableConcept | None]) -> str:
    """All words of some concepts in one string, for looking words up."""
    found = []
    for concept in concepts:
        if concept is not None:
            read = told(concept)
            found.append(read.text)
            found.extend(f"{coding.display} {coding.code}" for coding in read.codings)
    return " ".join(found)


def code_word(concept: CodeableConcept | None) -> str:
    """The first code (or else the words) of a status-like concept, in lower case; "" when there is none.

    Also reads the older string form, which arrives here as the concept's words.
    """
    if concept is None:
        return ""
    for coding in concept.coding or ():
        if coding is not None and (code := word(coding.code)):
            return code
    return word(concept.text)


@remembered
def word(text: str | None) -> str:
    """A code such as a status, as it may be compared: without outer blanks, in lower case."""
    return clean(text).lower()
