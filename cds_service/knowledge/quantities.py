"""Quantities and spans of time as cards write them: `3.0 mmol/L`, `10 mg`, `90 days`."""

import re
from typing import NamedTuple

from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.spot import Spot

_QUANTITY = re.compile(r"(?P<value>-?[0-9]+(?:\.[0-9]+)?) (?P<unit>\S.*)\Z")
_DAYS = {"day": 1, "days": 1, "week": 7, "weeks": 7}


class Quantity(NamedTuple):
    """A number with its unit, as written."""

    value: float
    unit: str


def quantity(spot: Spot) -> Quantity:
    """Read `3.0 mmol/L`; refuses a bare number, because a limit without a unit is not a limit."""
    match = _QUANTITY.match(spot.value) if isinstance(spot.value, str) else None
    if match is None:
        spot.fault(f'{spot.name} must be a number and a unit such as "10 mg", found "{spot.value}"')
    return Quantity(float(match["value"]), match["unit"])


def days(spot: Spot) -> int:
    """Read `90 days` (or weeks) as a number of days."""
    found = quantity(spot)
    if found.unit not in _DAYS:
        spot.fault(not_one_of("the span of time", found.unit, _DAYS))
    if found.value != int(found.value) or found.value < 0:
        spot.fault(f"{spot.name} must be a whole number of days, found {found.value:g}")
    return int(found.value) * _DAYS[found.unit]


def plain(value: float) -> str:
    """A number without trailing zeros and without an exponent, for texts."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def readable_unit(text: str) -> str:
    """A UCUM unit without its annotation marks: `mL/min/{1.73_m2}` reads mL/min/1.73 m2."""
    return text.replace("{", "").replace("}", "").replace("_", " ")
