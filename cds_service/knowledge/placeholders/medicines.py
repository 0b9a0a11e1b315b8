"""Words for the medicine a text is about, and for the other one that was found."""

from collections.abc import Callable

from cds_service.chart import Medication
from cds_service.knowledge.case import Course, Pair, use_began
from cds_service.knowledge.placeholders.moment import Moment, draft_of, evidence
from cds_service.knowledge.placeholders.words import listed, shown_day


def named(moment: Moment) -> list[str]:
    """The names of the medicines it speaks of, each once."""
    return list(dict.fromkeys(course.head.name for course in moment.courses))


def drug(moment: Moment) -> str:
    """The medicine, or all of them."""
    return listed(named(moment)) if moment.courses else "the medicine"


def drugs(moment: Moment) -> str:
    """All medicines of a card with `each: false`."""
    return ", ".join(moment.names) or drug(moment)


def of_each(moment: Moment, words: Callable[[Course], str]) -> str:
    """Something of every course, in the order of their names; once where all are the same."""
    found = [words(course) for course in moment.courses]
    return listed(found) if len(set(found)) < 2 and found else " and ".join(found)


def since(moment: Moment) -> str:
    """When the present stretch of use began."""
    return of_each(moment, lambda course: shown_day(use_began(course))) or shown_day(None)


def stopped(moment: Moment) -> str:
    """When it was stopped last."""
    return of_each(moment, _stop) or shown_day(None)


def _stop(course: Course) -> str:
    stops = [order.stopped for order in course.stopped if order.stopped]
    return shown_day(max(stops, key=lambda day: day.last, default=None))


def reason(moment: Moment) -> str:
    """Why it was ordered, in the words of the order."""
    texts = [reason.text for order in moment.case.orders for reason in order.reasons if reason.text]
    return texts[0] if texts else "no recorded reason"


def draft(moment: Moment) -> str:
    """The order that a suggestion acts on."""
    order = draft_of(moment.case, moment.trace)
    return order.name if order else "the medicine"


def also(moment: Moment) -> str:
    """The other medicine that was found."""
    for item in evidence(moment, (Medication, Pair)):
        order = item.medication if isinstance(item, Pair) else item
        if isinstance(order, Medication) and order not in moment.case.orders:
            return order.name
    return "another medicine"


def pair_text(moment: Moment, column: str) -> str:
    """What a table of pairs says of the other medicine."""
    for item in evidence(moment, (Pair,)):
        if isinstance(item, Pair):
            return dict(item.texts).get(column, "")
    return ""
