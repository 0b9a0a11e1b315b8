"""What one card is judged against: the chart, and the medicine the card is about.

The anchor of a card is an ingredient's *course*: all orders of that ingredient together, drafts, current and stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from cds_service.chart import Allergy, Chart, Day, Gap, LabResult, Medication, Problem, Section
from cds_service.hooks import Hook
from cds_service.knowledge.logic import Truth

# Two orders of one ingredient belong to one stretch of use when no more than this lies between them.
LONGEST_BREAK_DAYS = 30


class Absent(NamedTuple):
    """Looked for where it would stand, and not there; `why` in a few words."""

    what: str
    why: str = "none on file"


class Note(NamedTuple):
    """Something else a criterion rests on, in plain words; `term` is the coded form, safe to record."""

    text: str
    term: str = ""


class Pair(NamedTuple):
    """A medicine and what a table of pairs says of it."""

    medication: Medication
    texts: tuple[tuple[str, str], ...]


Evidence = LabResult | Medication | Problem | Allergy | Gap | Absent | Note | Pair


class Verdict(Struct, frozen=True):
    """The answer of one fact and what it rests on."""

    value: Truth
    evidence: tuple[Evidence, ...] = ()


class Course(Struct, frozen=True):
    """All orders of one ingredient: `drafts` the hook asks about, orders `taken` now, orders `stopped`."""

    ingredient: str
    classes: frozenset[str]
    drafts: tuple[Medication, ...]
    taken: tuple[Medication, ...]
    stopped: tuple[Medication, ...]

    @property
    def current(self) -> tuple[Medication, ...]:
        """The orders a criterion speaks of: the drafts if there are any, else those taken, else the stopped ones."""
        return self.drafts or self.taken or self.last_stopped

    @property
    def last_stopped(self) -> tuple[Medication, ...]:
        """The order that was stopped last (all of them where no stop date is known)."""
        dated = [order for order in self.stopped if order.stopped]
        if not dated:
            return self.stopped
        last = max(order.stopped.last for order in dated if order.stopped)
        return tuple(order for order in dated if order.stopped and order.stopped.last == last)

    @property
    def head(self) -> Medication:
        """The order that lends the finding its name."""
        return self.current[0]


class Case(Struct, frozen=True):
    """What cards about one medicine are judged on. `course` is None for cards about the patient.

    Many cards ask the same: `answers` keeps what was asked of this medicine, `patient_answers` (one for all cases of a
    call) what is the same for every medicine.
    """

    chart: Chart
    hook: Hook
    course: Course | None
    courses: tuple[Course, ...] = ()
    answers: "dict[Judge, Verdict]" = {}
    patient_answers: "dict[Judge, Verdict]" = {}

    @property
    def orders(self) -> tuple[Medication, ...]:
        """The orders the anchor speaks of (none for a card about the patient)."""
        return self.course.current if self.course else ()

    def missing(self, section: Section) -> tuple[Gap, ...]:
        """Why a section cannot prove absence: empty when it was read whole."""
        state = self.chart.sections[section]
        if state == "read":
            return ()
        known = tuple(gap for gap in self.chart.gaps if gap.section == section and not gap.about and not gap.reference)
        return known or (Gap(section, "partial" if state == "partial" else "not-delivered"),)


Judge = Callable[[Case], Verdict]
_NONE: frozenset[str] = frozenset()


def courses(chart: Chart, classes_of: Mapping[str, frozenset[str]]) -> tuple[Course, ...]:
    """Every course of the chart, in the order of its first mention.

    A combination product belongs to one course for each ingredient; a medicine known by class alone (a group code)
    is a course of its own, under the names of its classes.
    """
    found: dict[str, list[tuple[Medication, frozenset[str]]]] = {}
    for order in chart.medications:
        unexplained = order.classes
        for ingredient in order.ingredients:
            classes = classes_of.get(ingredient, _NONE) & order.classes
            unexplained -= classes
            found.setdefault(ingredient, []).append((order, classes))
        if unexplained:
            found.setdefault("/".join(sorted(unexplained)), []).append((order, unexplained))
    return tuple(_course(ingredient, entries) for ingredient, entries in found.items())


def _course(ingredient: str, entries: Sequence[tuple[Medication, frozenset[str]]]) -> Course:
    drafts: list[Medication] = []
    taken: list[Medication] = []
    stopped: list[Medication] = []
    classes = _NONE
    for order, own in entries:
        classes |= own
        if order.role == "stopped":
            stopped.append(order)
        elif order.role != "draft":
            taken.append(order)
        elif order.judged:
            drafts.append(order)
    return Course(ingredient, classes, tuple(drafts), tuple(taken), tuple(stopped))


def days_since(day: Day, now: date) -> tuple[int, int]:
    """The least and the greatest number of days from a date to today."""
    return (now - day.last).days, (now - day.first).days


def within(day: Day, now: date, span: int) -> Truth:
    """Whether a date lies at most `span` days back, today and the last day included."""
    if (now - day.first).days <= span:
        return True
    return False if (now - day.last).days > span else None


def use_began(course: Course) -> Day | None:
    """When the present stretch of use began: the start of the earliest order of an unbroken chain up to now."""
    current = [order for order in (course.taken or course.stopped) if order.started]
    if not current:
        return None
    began = min((order.started for order in current if order.started), key=lambda day: day.first)
    earlier = sorted(
        (order for order in course.stopped if order.started and order.stopped and order.started.first < began.first),
        key=lambda order: order.started.first if order.started else date.min,
        reverse=True,
    )
    for order in earlier:
        if order.started and order.stopped and (began.first - order.stopped.last).days <= LONGEST_BREAK_DAYS:
            began = order.started
    return began
