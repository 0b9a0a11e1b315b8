"""The values the terminology speaks in: codings in, matches out."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Confidence = Literal["code", "name", "none"]
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))


class Coding(NamedTuple):
    """One code of one code system with the words sent beside it, cleaned by `clean_coding`."""

    system: str
    code: str
    display: str


class DrugMatch(NamedTuple):
    """What a medicine contains and which classes that makes it.

    `ingredients` are base ingredients in lower case, sorted (salts folded); an ATC group alone gives classes without
    ingredients. `route` is a word of `routes.yaml` when the product's form tells it. `code` is the "system|code" that
    matched. `strength_mg` is the mg of the single active ingredient in one solid dose unit. `watched` names the classes
    whose watched words occur in a text that was otherwise not understood.
    """

    ingredients: tuple[str, ...]
    classes: frozenset[str]
    route: str
    confidence: Confidence
    code: str
    strength_mg: float | None
    watched: frozenset[str]


class LabMatch(NamedTuple):
    """Which test a result belongs to.

    `care` says why this code needs care (a timed specimen …). `conflict` is not empty when the codings contradict one
    another or their own words: the result then belongs to no test with certainty and its value must not be used.
    """

    test: str
    variant: str
    care: str
    conflict: str = ""


class ConceptMatch(NamedTuple):
    """The conditions an entry states, and those its words or weaker codes only hint at."""

    concepts: frozenset[str]
    unclear: frozenset[str]


class SubstanceMatch(NamedTuple):
    """The substances (ingredients, drug classes) an allergy names, and those it only hints at."""

    substances: frozenset[str]
    unclear: frozenset[str]


class ObservedMatch(NamedTuple):
    """An Observation that states a condition: its status, or the date it is due to end.

    A stated status is not carried on for more than `lasts_days`.
    """

    concept: str
    kind: Literal["status", "due-date"]
    lasts_days: int


class Unusable(NamedTuple):
    """Why a number cannot be used: a fixed word for machines and a fragment of a sentence for people."""

    reason: str
    detail: str


class Test(NamedTuple):
    """A laboratory test as `labs.yaml` describes it.

    `unit` is the one every value is converted to; `low` and `high` bound what is plausible, both included.
    `variants` stand in order of preference (best first); empty for tests without variants.
    """

    name: str
    title: str
    symbol: str
    unit: str
    low: float
    high: float
    decimals: int
    variants: tuple[str, ...]
    variant_titles: Mapping[str, str]


def clean(text: object) -> str:
    """A string without control and zero-width characters and without blanks at its ends; "" for anything else."""
    if not isinstance(text, str):
        return ""
    if text.isascii() and text.isprintable():
        return text.strip()
    spaced = "".join(letter if letter.isprintable() else " " for letter in text.translate(_INVISIBLE))
    return spaced.strip()


def clean_coding(system: object, code: object, display: object) -> Coding:
    """A coding as it may be compared: control characters, zero-width spaces and outer blanks removed."""
    return Coding(clean(system), clean(code), clean(display))
