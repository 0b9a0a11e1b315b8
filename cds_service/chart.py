"""What a clinician calls the chart: plain values, no FHIR.

Every item keeps the reference of the resource it came from. Every section says whether it was *read*,
read in *part* (a page of it) or stayed *unread* (not delivered, refused, unusable); what could not be read
is a `Gap` with its reason. Unknown is never normal and never silent. The entries are frozen structs and not
dataclasses, because hundreds of them are made for one call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

Section = Literal["patient", "medications", "observations", "conditions", "allergies"]
SectionState = Literal["read", "partial", "unread"]
SECTIONS: tuple[Section, ...] = ("patient", "medications", "observations", "conditions", "allergies")

Role = Literal["draft", "taken", "possibly-taken", "stopped"]
Confidence = Literal["code", "name", "none"]
_Value = TypeVar("_Value")


class Later(Generic[_Value]):
    """A value that is worked out when somebody first asks for it, and kept.

    Two of them are equal when what they give is equal. All have one hash: to put them into a set asks for nothing.
    """

    __slots__ = ("_held", "_work")

    def __init__(self, work: Callable[[], _Value]) -> None:
        self._work: Callable[[], _Value] | None = work
        self._held: _Value

    @property
    def value(self) -> _Value:
        """The value; the same one every time."""
        work = self._work
        if work is not None:
            self._held = work()
            self._work = None
        return self._held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Later) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(Later)

    def __repr__(self) -> str:
        return repr(self.value)


class Gap(Struct, frozen=True):
    """Something of the chart that could not be read, and why.

    `reason` is a fixed word for machines (`no-unit`, `not-delivered` …); `detail` says it in a sentence fragment
    for a clinician and holds no patient data beyond what the card needs. `about` names the lab test, drug class or
    condition concerned; empty means the whole section. `reference` is the resource, where there is one.
    A `grave` gap is said on a card even where no card asked: another patient's data, or an order being written
    that cannot be read.
    """

    section: Section
    reason: str
    about: str = ""
    detail: str = ""
    reference: str = ""
    grave: bool = False


class Day(Struct, frozen=True):
    """A calendar date known to the day, month or year: the true day lies between `first` and `last`, both included.

    `about` marks a date taken from a weaker source (for example `meta.lastUpdated` for the end of an order).
    """

    first: date
    last: date
    about: bool = False


class Range(Struct, frozen=True):
    """A number known only to lie between `low` and `high`, both included (`high` may be infinity)."""

    low: float
    high: float


class Dose(Struct, frozen=True):
    """What the dosage instructions of one order come to, in mg.

    Each figure is None where it cannot be computed; `problem` then says why in plain words.
    An order "as needed" has a daily dose from 0 to its maximum. `parts` are the doses per day of several instructions
    that are taken together, None for one that cannot be computed. `written` says that an amount stands there, in words
    or as a number, whether it can be computed or not.
    """

    single: Range | None = None
    times_per_day: Range | None = None
    daily: Range | None = None
    text: str = ""
    problem: str = ""
    parts: tuple[Range | None, ...] = ()
    written: bool = False


class Reason(Struct, frozen=True):
    """Why an order was written: the condition concepts it names, or, when not understood, its text alone.

    `unclear` are concepts that the words of a reason without a known code hint at.
    """

    concepts: frozenset[str]
    text: str
    understood: bool
    unclear: frozenset[str] = frozenset()


class Therapy(Struct, frozen=True):
    """What an order says of the treatment: why, how much, since when, until when."""

    reasons: tuple[Reason, ...] = ()
    dose: Dose = Dose()
    started: Day | None = None
    changed: Day | None = None
    stopped: Day | None = None


NO_THERAPY: Later[Therapy] = Later(Therapy)


class Medication(Struct, frozen=True):
    """One order of one medicine.

    `ingredients` and `classes` come from the terminology; `confidence` says how they were found
    (`name` = by the text only; `none` = not understood, then `ingredients` and `classes` are empty, and
    `watched` may name classes the unreadable text hints at). `judged` marks the drafts this hook asks about.
    `as_sent` is the order's JSON, opaque to every fact, so that a suggestion can return the whole order. `therapy` is
    read only when a card asks: most orders of a long list are never looked at closely. `reported` marks what only tells
    of a treatment: a statement of use, or an order entered as reported.
    """

    reference: str
    name: str
    ingredients: tuple[str, ...]
    classes: frozenset[str]
    confidence: Confidence
    role: Role
    judged: bool = False
    watched: frozenset[str] = frozenset()
    route: str = ""
    therapy: Later[Therapy] = msgspec.field(default_factory=lambda: NO_THERAPY)
    code: str = ""
    as_sent: bytes = b""
    editable: bool = False
    reported: bool = False

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it was ordered."""
        return self.therapy.value.reasons

    @property
    def dose(self) -> Dose:
        """How much of it is taken, and how often."""
        return self.therapy.value.dose

    @property
    def started(self) -> Day | None:
        """When taking it began."""
        return self.therapy.value.started

    @property
    def changed(self) -> Day | None:
        """When this order was written."""
        return self.therapy.value.changed

    @property
    def stopped(self) -> Day | None:
        """When a stopped order ended."""
        return self.therapy.value.stopped


NO_LIMIT: Later[float | None] = Later(lambda: None)


class LabResult(Struct, frozen=True):
    """One result. `value` is in the unit of `labs.yaml` for that test; None when unusable, then `problem` is the gap.

    `variant` distinguishes tests of one name (calcium: `ionised`, `lab-adjusted`, `adjusted`, `unadjusted`).
    `comparator` is `<`, `<=`, `>`, `>=` or empty. `as_reported` is value and unit as the laboratory sent them.
    `own_low` is the lower end of the laboratory's own normal range, in the same unit as `value`, read only when a limit
    asks for it; None where it states none that can be used.
    `title` is the test in words. `calculated` says from what, when the figure is ours. `when` orders results; `day` is
    what `within` counts from.
    """

    test: str
    variant: str
    value: float | None
    day: Day
    when: datetime
    reference: str
    as_reported: str = ""
    comparator: str = ""
    preliminary: bool = False
    haemolysed: bool = False
    calculated: str = ""
    own_low: Later[float | None] = msgspec.field(default_factory=lambda: NO_LIMIT)
    problem: Gap | None = None
    notes: tuple[str, ...] = ()
    title: str = ""

    @property
    def normal_low(self) -> float | None:
        """The lower end of the laboratory's own normal range."""
        return self.own_low.value


class Problem(Struct, frozen=True):
    """An entry of the problem list, or a pregnancy observation.

    `concepts` are what its codes mean; `unclear` are concepts that its words hint at though no code says so
    (a fact about them is then unknown, not false). Refuted and entered-in-error entries never get here.
    """

    name: str
    concepts: frozenset[str]
    active: bool
    reference: str
    unclear: frozenset[str] = frozenset()
    recorded: Day | None = None


class Allergy(Struct, frozen=True):
    """A recorded allergy or intolerance to `substances` (ingredients, drug classes or allergy concepts)."""

    name: str
    substances: frozenset[str]
    active: bool
    reference: str
    unclear: frozenset[str] = frozenset()
    recorded: Day | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a card may look at for one call. `age` is a range because a birth date may be a year only.

    `labs` maps a test to its results, newest first. `patient_id` serves suggestions only and is never recorded.
    """

    now: datetime
    patient_id: str
    age: Range | None
    sex: Literal["female", "male"] | None
    medications: tuple[Medication, ...]
    labs: Mapping[str, tuple[LabResult, ...]]
    problems: tuple[Problem, ...]
    allergies: tuple[Allergy, ...]
    sections: Mapping[Section, SectionState]
    gaps: tuple[Gap, ...] = ()
    not_assessed: Mapping[str, int] = field(default_factory=dict)

    def unread(self, section: Section) -> bool:
        """True when nothing of that section was obtained."""
        return self.sections[section] == "unread"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a set of cards has to see: sections of the chart, and which lab tests."""

    sections: frozenset[Section]
    tests: frozenset[str]
