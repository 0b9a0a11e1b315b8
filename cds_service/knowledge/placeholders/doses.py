"""Words for doses per day: what is taken, what is being ordered, and the step between."""

import math

from cds_service.knowledge.case import Course
from cds_service.knowledge.daily_dose import NOTHING, Total, in_force, known, planned
from cds_service.knowledge.placeholders.medicines import of_each
from cds_service.knowledge.placeholders.moment import Moment
from cds_service.knowledge.quantities import plain


def dose(moment: Moment) -> str:
    """The dose per day of every medicine it speaks of."""
    return of_each(moment, _daily) or "dose not computable"


def _daily(course: Course) -> str:
    daily = known(planned(course))
    return f"{daily} mg/day" if daily else "dose not computable"


def dose_from(moment: Moment) -> str:
    """The dose in force."""
    return known(_in_force(moment)) or "?"


def dose_to(moment: Moment) -> str:
    """The dose with what is being ordered."""
    course = moment.case.course
    return (known(planned(course)) if course and course.drafts else "") or "?"


def dose_from_plus(moment: Moment, extra: float) -> str:
    """The dose in force and so many mg more."""
    found = _in_force(moment)
    return plain(found.range.high + extra) if found.orders and found.range.high < math.inf else "?"


def dose_days(moment: Moment) -> str:
    """Days since the dose in force was changed last; an order without a date may be that change."""
    dates = [order.started.last if order.started else None for order in _in_force(moment).orders]
    known_dates = [day for day in dates if day is not None]
    if not dates or len(known_dates) < len(dates):
        return "an unknown number of"
    return str((moment.case.chart.now.date() - max(known_dates)).days)


def _in_force(moment: Moment) -> Total:
    return in_force(moment.case.course) if moment.case.course else NOTHING
