"""What a clinician calls the chart: plain values, no FHIR.

Every item keeps the reference of the resource it came from. Every section says whether it was *read*,
read in *part* (a page of it) or stayed *unread* (not delivered, refused, unusable); what could not be read
is a `Gap` with its reason. Unknown is never normal and never silent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Section = Literal["patient", "medications", "observations", "conditions", "allergies"]
SectionState = Literal["read", "partial", "unread"]
SECTIONS: tuple[Section, ...] = ("patient", "medications", "observations", "conditions", "allergies")

Role = Literal["draft", "taken", "possibly-taken", "stopped"]
Confidence = Literal["code", "name", "none"]


@dataclass(frozen=True, slots=True)
class Gap:
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


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar date known to the day, month or year: the true day lies between `first` and `last`, both included.

    `about` marks a date taken from a weaker source (for example `meta.lastUpdated` for the end of an order).
    """

    first: date
    last: date
    about: bool = False


@dataclass(frozen=True, slots=True)
class Range:
    """A number known only to lie between `low` and `high`, both included (`high` may be infinity)."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Dose:
    """What the dosage instructions of one order come to, in mg.

    Each figure is None where it cannot be computed; `problem` then says why in plain words.
    An order "as needed" has a daily dose from 0 to its maximum.
    """

    single: Range | None = None
    times_per_day: Range | None = None
    daily: Range | None = None
    text: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an order was written: the condition concepts it names, or, when not understood, its text alone.

    `unclear` are concepts that the words of a reason without a known code hint at.
    """

    concepts: frozenset[str]
    text: str
    understood: bool
    unclear: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Medication:
    """One order of one medicine.

    `ingredients` and `classes` come from the terminology; `confidence` says how they were found
    (`name` = by the text only; `none` = not understood, then `ingredients` and `classes` are empty, and
    `watched` may name classes the unreadable text hints at). `judged` marks the drafts this hook asks about.
    `as_sent` is the order's JSON, opaque to every fact, so that a suggestion can return the whole order.
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
    reasons: tuple[Reason, ...] = ()
    dose: Dose = field(default_factory=Dose)
    started: Day | None = None
    changed: Day | None = None
    stopped: Day | None = None
    code: str = ""
    as_sent: bytes = b""
    editable: bool = False


@dataclass(frozen=True, slots=True)
class LabResult:
    """One result. `value` is in the unit of `labs.yaml` for that test; None when unusable, then `problem` is the gap.

    `variant` distinguishes tests of one name (calcium: `ionised`, `lab-adjusted`, `adjusted`, `unadjusted`).
    `comparator` is `<`, `<=`, `>`, `>=` or empty. `as_reported` is value and unit as the laboratory sent them.
    `normal_low` and `normal_high` are the laboratory's own range, in the same unit as `value`.
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
    normal_low: float | None = None
    normal_high: float | None = None
    problem: Gap | None = None
    notes: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
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


@dataclass(frozen=True, slots=True)
class Allergy:
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
