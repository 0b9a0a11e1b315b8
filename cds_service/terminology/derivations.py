"""The figures that `labs.yaml` tells us to calculate when a laboratory does not report them, with their conditions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.terminology.derived import adjusted_total, filtration_rate


@dataclass(frozen=True, slots=True)
class Estimated:
    """A filtration rate estimated from the level of `source`, for people of at least `from_age` years of known sex."""

    test: str
    source: str
    from_age: float
    sexes: Mapping[str, Mapping[str, float]]
    coefficients: Mapping[str, float]

    def needs(self) -> frozenset[str]:
        """The tests it looks at."""
        return frozenset({self.source})

    def value(self, level: float, age: float, sex: str) -> float | None:
        """The estimate in the unit of the test; None where the equation does not apply."""
        if level <= 0 or age < self.from_age or sex not in self.sexes:
            return None
        return filtration_rate(level, age, self.sexes[sex], coefficients=self.coefficients)


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A total (`variant_from` of `source`) adjusted for the protein `binder` of the same day, giving `variant`.

    Not done while a test in `at_least` is known to lie below its limit, nor with a condition in `without`.
    """

    test: str
    source: str
    variant_from: str
    variant: str
    binder: str
    at_least: Mapping[str, float]
    without: frozenset[str]
    slope: float
    reference: float

    def needs(self) -> frozenset[str]:
        """The tests it looks at."""
        return frozenset({self.source, self.binder, *self.at_least})

    def value(self, total: float, binder: float) -> float:
        """The adjusted total in the unit of the test."""
        return adjusted_total(total, binder, slope=self.slope, reference=self.reference)


Derivation = Estimated | Adjusted


def build_derivations(listed: Mapping[str, Mapping[str, Any]]) -> tuple[Derivation, ...]:
    """The derivations in the order listed; raises ValueError for an unknown formula."""
    return tuple(_derivation(test, entry) for test, entry in listed.items())


def _derivation(test: str, entry: Mapping[str, Any]) -> Derivation:
    conditions: Mapping[str, Any] = entry.get("conditions", {})
    coefficients = {name: float(value) for name, value in entry["coefficients"].items()}
    if entry["formula"] == "filtration_rate":
        sexes = {sex: {name: float(value) for name, value in row.items()} for sex, row in entry["sex"].items()}
        return Estimated(test, entry["from"], float(conditions.get("age_at_least", 0)), sexes, coefficients)
    if entry["formula"] == "adjusted_total":
        return Adjusted(
            test,
            entry["from"],
            entry["variant_from"],
            entry["variant"],
            entry["with"],
            {name: float(limit) for name, limit in conditions.get("at_least_or_unknown", {}).items()},
            frozenset(conditions.get("without", ())),
            **coefficients,
        )
    raise ValueError(f'labs.yaml: derived {test} uses the formula "{entry["formula"]}", which is not known.')
