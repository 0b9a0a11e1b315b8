"""A guideline card as the engine holds it: checked words, compiled criteria, texts ready to fill."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cds_service.chart import Section
from cds_service.hooks import Hook
from cds_service.knowledge.criteria import Compiled, Criterion, Leaf, leaves
from cds_service.knowledge.fillings import Filling
from cds_service.knowledge.references import Citation, Gate, OrderTemplate, OverrideReason
from cds_service.knowledge.templates import Template
from cds_service.knowledge.traits import Trait

Indicator = Literal["info", "warning", "critical"]
INDICATORS: tuple[Indicator, ...] = ("critical", "warning", "info")
Status = Literal["draft", "active", "retired"]
STATUSES: tuple[Status, ...] = ("draft", "active", "retired")
Subject = Literal["medicine", "stopped", "patient", "gaps"]
Target = Literal["create", "delete", "update"]


class About(NamedTuple):
    """What a card is about: courses of some classes, taken or stopped; the patient; or the gaps of the chart.

    `each` gives one finding for every course; otherwise all matches make one finding.
    """

    subject: Subject
    classes: frozenset[str] = frozenset()
    each: bool = True


class Level(NamedTuple):
    """One rung of the indicator ladder; `criterion` None is the rung that always holds."""

    indicator: Indicator
    criterion: Criterion | None
    judge: Compiled | None


class Summary(NamedTuple):
    """One wording of the summary and when it is used; `speaks_for` are the cards whose findings it names too."""

    template: Template
    criterion: Criterion | None
    judge: Compiled | None
    speaks_for: frozenset[str] = frozenset()


class Offer(NamedTuple):
    """A suggestion: a resource to create, the draft to delete, or the draft with a named edit.

    `fill` makes the resource, or the members that the edit replaces; None where the draft is deleted. `gates` stand
    before the medicine that the resource would start.
    """

    key: str
    label: Template
    kind: Target
    order: OrderTemplate | None
    criterion: Criterion | None
    judge: Compiled | None
    recommended: bool
    fill: Filling | None = None
    gates: tuple[Gate, ...] = ()


class Merge(NamedTuple):
    """How a finding meets others: `replaces` silences them, `joins` makes them sections, `yields_to` steps back."""

    replaces: frozenset[str] = frozenset()
    joins: frozenset[str] = frozenset()
    joins_any: frozenset[Hook] = frozenset()
    yields_to: frozenset[str] = frozenset()


class StatedUse(NamedTuple):
    """What the author says of a trait of the person: used or not; `line` is where."""

    trait: Trait
    used: bool
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """One card for one region. `evidence[0]` is the primary source that the card cites.

    Each is itself alone: two cards are never compared by their content, and what is written of one can be kept.
    `attributes` are its own statements, those that replace a shared one included; `stated_uses` are checked against
    what it really uses. `has_partner` says whether the trigger names another medicine (then the draft may be that one).
    """

    id: str
    group: str
    title: str
    version: str
    status: Status
    hooks: tuple[Hook, ...]
    about: About
    priority: int
    when: Criterion
    judge: Compiled
    levels: tuple[Level, ...]
    summaries: tuple[Summary, ...]
    detail: Template
    offers: tuple[Offer, ...]
    select: Literal["any", "at-most-one"]
    override_reasons: tuple[OverrideReason, ...]
    merge: Merge
    evidence: tuple[Citation, ...]
    grade: str
    grade_note: str
    review: Mapping[str, str]
    attributes: Mapping[str, str]
    folder: str
    stated_uses: tuple[StatedUse, ...] = ()
    has_partner: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_partner", any(leaf.partner for leaf in leaves(self.when)))

    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion of the card: trigger, levels, summaries, offers."""
        others = (item.criterion for group in (self.levels, self.summaries, self.offers) for item in group)
        return (self.when, *(criterion for criterion in others if criterion is not None))

    def leaves(self) -> tuple[Leaf, ...]:
        """Every fact the card asks."""
        return tuple(leaf for criterion in self.criteria() for leaf in leaves(criterion))

    def sections(self) -> frozenset[Section]:
        """The sections of the chart the card looks at, the medicine it is about included."""
        anchored: frozenset[Section] = frozenset(
            {"medications"} if self.about.subject in ("medicine", "stopped") else ()
        )
        return anchored.union(*(leaf.needs for leaf in self.leaves()))

    def tests(self) -> frozenset[str]:
        """The lab tests the card looks at, those its texts only show included."""
        named = (name for template in (self.detail, *(s.template for s in self.summaries)) for name in template.names)
        shown = frozenset(name.split(".")[1] for name in named if name.startswith("lab."))
        return shown.union(*(leaf.tests for leaf in self.leaves()))
