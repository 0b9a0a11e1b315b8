"""Every placeholder by name: how it is filled, whether its words come from the client, what it means."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.placeholders import doses, findings, medicines
from cds_service.knowledge.placeholders.labs import VIEWS, lab_words
from cds_service.knowledge.placeholders.moment import Fill, Moment
from cds_service.knowledge.placeholders.words import fitting, shortened
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import Trait

_PLUS = "dose.from.plus."


class Filler(NamedTuple):
    """A placeholder ready to fill. `foreign` marks words that come from the client and must be escaped."""

    name: str
    fill: Fill
    foreign: bool = False

    def cut(self, moment: Moment, room: int) -> str:
        """Its words in so many characters; of several names each keeps its beginning, or the first of them does."""
        if self.name != "drug" or len(moment.courses) < 2:
            return shortened(self.fill(moment), room)
        return fitting(medicines.named(moment), room)


_SIMPLE: dict[str, tuple[Fill, bool, str]] = {
    "drug": (
        medicines.drug,
        True,
        "the medicine the card is about, as the chart names it; where one finding speaks of several, all",
    ),
    "drugs": (medicines.drugs, True, "all medicines of a card with `each: false`"),
    "draft": (medicines.draft, True, "the draft order that a suggestion removes or changes"),
    "drug.dose": (
        doses.dose,
        False,
        "its planned dose per day in mg, all orders together, as far as it is known",
    ),
    "drug.since": (medicines.since, False, "when the present stretch of use began"),
    "drug.stopped": (medicines.stopped, False, "when it was stopped"),
    "reason": (medicines.reason, True, "the recorded reason of the order"),
    "also": (medicines.also, True, "the other medicine that was found"),
    "condition": (findings.condition, True, "the problem or allergy that was found"),
    "condition.date": (findings.condition_date, False, "when it was recorded"),
    "missing": (findings.missing, False, "the tests without a usable result"),
    "age": (findings.age_in_years, False, "the age in years"),
    "dose.from": (doses.dose_from, False, "the dose per day in force, in mg, all orders together"),
    "dose.to": (doses.dose_to, False, "the dose per day with what is being ordered, in mg, all orders together"),
    "dose.days": (doses.dose_days, False, "days since the last of the orders in force was started"),
    "gaps": (findings.gaps, True, "what could not be read (data-quality card only)"),
}

# Names out of the chart: what is shortened where a text would be too long.
NAMES = ("drug", "drugs", "draft", "also", "condition", "reason", "gaps")

# What of the person a placeholder shows.
PLACEHOLDER_TRAITS: Mapping[str, frozenset[Trait]] = {"age": frozenset({"date-of-birth"})}


def find_placeholder(name: str, spot: Spot, references: References) -> Filler:
    """The filler of a placeholder; refuses an unknown name with the allowed ones."""
    if name in _SIMPLE:
        fill, foreign, _ = _SIMPLE[name]
        return Filler(name, fill, foreign)
    head, _, rest = name.partition(".")
    test, _, view = rest.partition(".")
    if head == "lab" and test in references.terms.tests and view in VIEWS:
        return Filler(name, lab_words(test, references.terms.tests[test], view), foreign=view == "reported")
    if head == "pair" and rest in _columns(references):
        return Filler(name, partial(medicines.pair_text, column=rest))
    if name.startswith(_PLUS) and name.removeprefix(_PLUS).isdigit():
        return Filler(name, partial(doses.dose_from_plus, extra=float(name.removeprefix(_PLUS))))
    spot.fault(not_one_of("the placeholder", name, placeholder_names(references)))


def placeholder_names(references: References) -> list[str]:
    """Every placeholder that these references allow (the `plus` figure stands for any whole number)."""
    tests = [f"lab.{test}.{view}".rstrip(".") for test in references.terms.tests for view in VIEWS]
    pairs = [f"pair.{column}" for column in sorted(_columns(references))]
    return [*_SIMPLE, *pairs, *tests, f"{_PLUS}10"]


def _columns(references: References) -> set[str]:
    return {column for table in references.pairs.values() for column in table.columns}


def described_placeholders() -> list[tuple[str, str]]:
    """Every placeholder with its meaning, for the vocabulary page."""
    simple = [(name, meaning) for name, (_, _, meaning) in _SIMPLE.items()]
    return [
        *simple,
        (f"{_PLUS}10", "the dose per day in force plus that many mg (any whole number)"),
        ("pair.<column>", "that column of the table of pairs, for the medicine found"),
        ("lab.<test>", "the value the card rests on, in the unit of the test, else the latest"),
        ("lab.<test>.date", "its date"),
        ("lab.<test>.reported", "value and unit as the laboratory sent them"),
        ("lab.<test>.dated", "value, unit of the test and date"),
        ("lab.<test>.kind", "which variant of the test it is"),
    ]
