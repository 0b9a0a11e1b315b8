"""The short notation of vignettes: `2.9 mmol/L 3 days ago`, `25 mg once daily`, `40 days ago`."""

import re
from typing import NamedTuple

from cds_service.knowledge.spot import Spot

_AGO = re.compile(r"(?P<days>[0-9]+) days? ago\Z|(?P<today>today)\Z")
_RESULT = re.compile(
    r"(?P<sign><=|>=|<|>)?\s*(?P<value>[0-9.]+) (?P<unit>\S+) (?P<when>[0-9]+ days? ago|today)"
    r"(?:, lab range (?P<low>[0-9.]+)-(?P<high>[0-9.]+))?(?P<note>, haemolysed|, preliminary)?\Z"
)
_DOSE = re.compile(r"(?P<amount>[0-9.]+) (?P<unit>mg|g) (?P<often>.+)\Z")
FREQUENCIES = {
    "once daily": 1,
    "at night": 1,
    "in the morning": 1,
    "twice daily": 2,
    "three times daily": 3,
    "four times daily": 4,
}


class Result(NamedTuple):
    """One laboratory result of a vignette. `unit` may be the word `none` for a result without a unit."""

    value: float
    unit: str
    days_ago: int
    comparator: str
    low: float | None
    high: float | None
    note: str


class Dose(NamedTuple):
    """A dose of a vignette: structured, or only a text."""

    amount: float | None
    unit: str
    times: int | None
    text: str


def days_ago(spot: Spot) -> int:
    """`40 days ago`, `today` as a number of days."""
    match = _AGO.match(spot.text())
    if match is None:
        spot.fault(f'{spot.name} must be like "40 days ago" or "today", found "{spot.value}"')
    return int(match["days"] or 0)


def result(spot: Spot) -> Result:
    """`2.9 mmol/L 3 days ago`, with an optional comparator, lab range and note."""
    match = _RESULT.match(spot.text())
    if match is None:
        spot.fault(f'{spot.name} must be like "2.9 mmol/L 3 days ago", found "{spot.value}"')
    days = 0 if match["when"] == "today" else int(match["when"].split()[0])
    low, high = match["low"], match["high"]
    return Result(
        float(match["value"]),
        match["unit"],
        days,
        match["sign"] or "",
        float(low) if low else None,
        float(high) if high else None,
        (match["note"] or "").removeprefix(", "),
    )


def dose(spot: Spot) -> Dose:
    """`25 mg once daily`, or `as text: …` for words only."""
    text = spot.text()
    if text.startswith("as text: "):
        return Dose(None, "", None, text.removeprefix("as text: "))
    match = _DOSE.match(text)
    if match is None or match["often"] not in FREQUENCIES:
        spot.fault(f'a dose is like "25 mg once daily" ({", ".join(FREQUENCIES)}) or "as text: …", found "{text}"')
    return Dose(float(match["amount"]), match["unit"], FREQUENCIES[match["often"]], text)
