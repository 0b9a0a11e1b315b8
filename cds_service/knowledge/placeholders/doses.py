"""Words for doses per day: what is taken, what is being ordered, and the step between."""

from datetime import date

from cds_service.knowledge.case import Course
from cds_service.knowledge.facts.doses import latest, spread, total_daily
from cds_service.knowledge.placeholders.medicines import of_each
from cds_service.knowledge.placeholders.moment import Moment
from cds_service.knowledge.quantities import plain


def dose(moment: Moment) -> str:
    """The dose per day of every medicine it speaks of."""
    return of_each(moment, _daily) or "dose not computable"


def _daily(course: Course) -> str:
    daily = total_daily(course.current)
    return f"{spread(daily)} mg/day" if daily else "dose not computable"


def dose_from(moment: Moment) -> str:
    """The dose in force."""
    course = moment.case.course
    daily = latest(course.taken).dose.daily if course and course.taken else None
    return spread(daily) if daily else "?"


def dose_to(moment: Moment) -> str:
    """The dose being ordered."""
    course = moment.case.course
    daily = course.drafts[0].dose.daily if course and course.drafts else None
    return spread(daily) if daily else "?"


def dose_from_plus(moment: Moment, extra: float) -> str:
    """The dose in force and so many mg more."""
    course = moment.case.course
    daily = latest(course.taken).dose.daily if course and course.taken else None
    return plain(daily.high + extra) if daily else "?"


def dose_days(moment: Moment) -> str:
    """Days since the dose in force was begun."""
    course = moment.case.course
    started = latest(course.taken).started if course and course.taken else None
    return str(_ago(moment, started.last)) if started else "an unknown number of"


def _ago(moment: Moment, day: date) -> int:
    return (moment.case.chart.now.date() - day).days
