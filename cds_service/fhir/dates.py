"""Dates and times as FHIR writes them, whole or partial, with or without a time zone."""

import calendar
import re
from datetime import UTC, date, datetime
from typing import NamedTuple

from cds_service.chart import Day
from cds_service.terminology.memory import remembered

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?\Z")
_TIMED = re.compile(r"(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}")
ANY_DAY = date.min
# No date is longer; longer strings are not read.
_LONGEST = 64
EARLIEST = datetime.min.replace(tzinfo=UTC)


class Moment(NamedTuple):
    """A point in time: `at` orders things, `day` is the calendar date as written.

    Where the time of day, the day or the month is missing, `at` is the earliest moment it may mean.
    """

    at: datetime
    day: Day


@remembered
def moment(text: str | None) -> Moment | None:
    """A FHIR date, dateTime or instant; None when missing or unreadable (placeholders, impossible dates).

    A time without a zone is read as UTC: hours of error, while every use counts days.
    """
    if not text or len(text) > _LONGEST:
        return None
    plain = text.strip()
    try:
        return _timed(plain) if _TIMED.match(plain) else _partial(plain)
    except (ValueError, OverflowError):
        return None


def day(text: str | None, *, about: bool = False) -> Day | None:
    """The calendar day of a FHIR date; `about` marks a day from a weaker source."""
    found = moment(text)
    if found is None:
        return None
    return Day(found.day.first, found.day.last, about=True) if about else found.day


def exact(on: date) -> Day:
    """One known day."""
    return Day(on, on)


def _timed(text: str) -> Moment:
    on = date.fromisoformat(text[:10])
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        # An odd time of day (24:00, a leap second) still leaves the date.
        at = datetime(on.year, on.month, on.day, tzinfo=UTC)
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return Moment(at, exact(on))


def _partial(text: str) -> Moment | None:
    found = _PARTIAL.match(text)
    if found is None:
        return None
    year, month, on = found.groups()
    first = date(int(year), int(month or 1), int(on or 1))
    last_month = int(month or 12)
    last = date(int(year), last_month, int(on or calendar.monthrange(int(year), last_month)[1]))
    return Moment(datetime(first.year, first.month, first.day, tzinfo=UTC), Day(first, last))
