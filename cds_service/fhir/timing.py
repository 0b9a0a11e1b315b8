"""How many times a day a dose is taken."""

from cds_service.chart import Range
from cds_service.fhir.amounts import number
from cds_service.fhir.codeable import codings, text_of, word
from cds_service.fhir.elements import Quantity, Timing, TimingRepeat

_DAYS_IN = {
    "s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25,
    "hour": 1 / 24, "hours": 1 / 24, "day": 1.0, "days": 1.0, "week": 7.0, "weeks": 7.0, "month": 30.4375,
}  # fmt: skip
# FHIR's own abbreviations for a timing (value set timing-abbreviation).
_CODES = {
    "qd": 1.0, "bid": 2.0, "tid": 3.0, "qid": 4.0, "am": 1.0, "pm": 1.0, "bed": 1.0, "qod": 0.5,
    "q1h": 24.0, "q2h": 12.0, "q3h": 8.0, "q4h": 6.0, "q6h": 4.0, "q8h": 3.0, "wk": 1 / 7, "mo": 1 / 30.4375,
}  # fmt: skip
# "With meals" without saying which: the number of meals is not ours to guess.
_SOME_MEALS = frozenset({"C", "AC", "PC"})
_MOST_PER_DAY = 1440.0


def times_per_day(timing: Timing | None) -> Range | None:
    """Doses per day; None when the timing does not say so in a form that can be computed."""
    if timing is None:
        return None
    found = _repeated(timing.repeat) if timing.repeat is not None else None
    return found or _coded(timing)


def days_in(duration: Quantity) -> float | None:
    """A duration in days; None when it is none, or not longer than nothing."""
    value = number(duration.value)
    unit = _DAYS_IN.get(word(duration.code)) or _DAYS_IN.get(word(duration.unit))
    return value * unit if value is not None and value > 0 and unit else None


def _repeated(repeat: TimingRepeat) -> Range | None:
    moments = _moments(repeat)
    named_days = len(_said(repeat.day_of_week))
    days = _DAYS_IN.get(word(repeat.period_unit)) if repeat.period_unit else None
    if days is None:
        if repeat.period is not None or repeat.frequency is not None or not (moments or named_days):
            return None
        days = 1.0
    frequency = repeat.frequency if repeat.frequency is not None else float(moments or 1)
    if named_days:
        # On named days the rest applies: once a day on three days makes 3/7; within a week each day counts once.
        frequency, days = (frequency * named_days, 7.0) if days == 1.0 else (max(frequency, named_days), days)
    return _rate(frequency, max(repeat.frequency_max or frequency, frequency), days, repeat)


def _rate(least: float, most: float, days: float, repeat: TimingRepeat) -> Range | None:
    """Doses per day from so many in so many periods of so many days."""
    shortest = repeat.period if repeat.period is not None else 1.0
    longest = repeat.period_max if repeat.period_max is not None else shortest
    if shortest <= 0 or longest < shortest:
        return None
    found = Range(least / (longest * days), most / (shortest * days))
    return found if found.low > 0 and found.high <= _MOST_PER_DAY else None


def _moments(repeat: TimingRepeat) -> int:
    """How many moments of the day are named (08:00 and 20:00; at breakfast and at bedtime)."""
    if repeat.time_of_day:
        return len(_said(repeat.time_of_day))
    moments = _said(repeat.when)
    return 0 if moments & _SOME_MEALS else len(moments)


def _said(items: list[str | None] | None) -> set[str]:
    return {item.strip() for item in items or () if item and item.strip()}


def _coded(timing: Timing) -> Range | None:
    words = [coding.code for coding in codings(timing.code)] + [text_of(timing.code)]
    found = {_CODES[word(code)] for code in words if word(code) in _CODES}
    if len(found) != 1:
        return None
    times = found.pop()
    return Range(times, times)
