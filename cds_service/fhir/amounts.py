"""Numbers and amounts as sent: finite numbers only, and doses in mg."""

import math

from msgspec import Raw

from cds_service.fhir.codeable import word
from cds_service.fhir.elements import ABSENT, Quantity, Ratio

_MG_IN = {
    "mg": 1.0, "milligram": 1.0, "milligrams": 1.0,
    "g": 1000.0, "gm": 1000.0, "gram": 1000.0, "grams": 1000.0,
    "ug": 0.001, "mcg": 0.001, "µg": 0.001, "μg": 0.001, "microgram": 0.001, "micrograms": 0.001,
}  # fmt: skip
_SOLID_UNITS = frozenset(
    {
        "tablet", "tablets", "tab", "tabs", "tbl", "tabl", "tablette", "tabletten", "{tablet}", "{tab}", "{tbl}",
        "capsule", "capsules", "cap", "caps", "{capsule}", "{cap}",
        "stuk", "stuks", "{stuk}", "tablet(s)", "capsule(s)",
    }
)  # fmt: skip


def number(raw: Raw) -> float | None:
    """A JSON number kept raw; None for anything else, for one too large for a float and for a missing one."""
    text = b"" if raw is ABSENT else bytes(raw)
    if not text or text[0] not in b"-0123456789":
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def milligrams(amount: Quantity, strength: float | None) -> float | str:
    """An amount in mg, or why it is not one. `strength` is the mg of one tablet or capsule."""
    value = number(amount.value)
    if value is None or value < 0:
        return "the dose is not a number"
    if amount.comparator:
        return "the dose is only a limit"
    for unit in (word(amount.code), word(amount.unit)):
        if unit in _MG_IN:
            return value * _MG_IN[unit]
        if unit in _SOLID_UNITS:
            return value * strength if strength else "the dose is in tablets or capsules of unknown strength"
    named = word(amount.unit) or word(amount.code)
    return "the dose has a unit that is not a weight" if named else "the dose has no unit"


def strength_of(stated: Ratio | None) -> float | None:
    """The mg of an active ingredient in one solid unit, from `Medication.ingredient.strength`; None if not that."""
    if stated is None or stated.numerator is None or stated.denominator is None:
        return None
    per = number(stated.denominator.value)
    unit = word(stated.denominator.code) or word(stated.denominator.unit)
    amount = milligrams(stated.numerator, None)
    if per and per > 0 and isinstance(amount, float) and (unit in _SOLID_UNITS or unit in ("", "1")):
        return amount / per
    return None
