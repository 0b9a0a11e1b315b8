"""The moment a text is written: one finding, what it was judged on, and the orders it speaks of."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from cds_service.chart import Medication
from cds_service.knowledge.case import Case, Course, Pair
from cds_service.knowledge.criteria import Step


class Moment(NamedTuple):
    """One finding at the moment of writing: its case and trace; names and cases of all when it speaks of several."""

    case: Case
    trace: tuple[Step, ...]
    names: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()

    @property
    def courses(self) -> tuple[Course, ...]:
        """The courses it speaks of."""
        return tuple(case.course for case in self.cases or (self.case,) if case.course)


Fill = Callable[[Moment], str]


def evidence(moment: Moment, kinds: tuple[type, ...]) -> Iterable[object]:
    """What the criteria that hold rest on, of some kinds, in their order."""
    for step in moment.trace:
        if step.value is True and not step.leaf.excludes:
            yield from (item for item in step.evidence if isinstance(item, kinds))


def partners(trace: Iterable[Step]) -> Iterator[Medication]:
    """The other medicines that were found, in the order of the criteria."""
    return (order for order, _ in _found(trace))


def _found(trace: Iterable[Step]) -> Iterator[tuple[Medication, frozenset[str]]]:
    """Each with the words of the criterion that found it."""
    for step in trace:
        for item in step.evidence if step.value and step.leaf.partner and not step.leaf.excludes else ():
            order = item.medication if isinstance(item, Pair) else item
            if isinstance(order, Medication):
                yield order, step.leaf.words


def draft_of(case: Case, trace: Iterable[Step]) -> Medication | None:
    """The draft order that a suggestion acts on: the anchor's own, else a partner that the draft starts.

    Whether the anchor's own draft is a start the card asks (`new_start`). Of the partner no criterion can ask: an order
    that goes on with a partner taken already is nothing to remove or change because of the anchor.
    """
    if case.course and case.course.drafts:
        return case.course.drafts[0]
    return next((order for order, asked in _found(trace) if order.judged and _starts(order, asked, case)), None)


def _starts(order: Medication, asked: frozenset[str], case: Case) -> bool:
    """Whether it is known that what was asked of this order (its classes, else anything in it) is not taken so far."""
    courses = [course for course in case.courses if any(order is draft for draft in course.drafts)]
    named = [course for course in courses if not course.classes.isdisjoint(asked)] or courses
    return any(not course.taken for course in named) and not case.missing("medications")
