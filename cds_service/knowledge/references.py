"""What a card may refer to: classes, tests and their limits, concepts, pairs, sources, orders, override reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cds_service.knowledge.criteria import Compiled, Criterion
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.statements import NO_ATTRIBUTES, SharedAttributes
from cds_service.terminology import Terms

if TYPE_CHECKING:
    from cds_service.knowledge.facts.registry import Question


@dataclass(frozen=True, slots=True)
class Limit:
    """A named limit of a test: its figure per variant ("" where the test has none), in the test's unit.

    `sources` are the keys of the sources that set a figure. `sides` says per variant which side of the figure is meant
    (`below`, `at_most`, `above`, `at_least`): it decides whether the figure itself belongs.
    `lab_range_floor`: a value above this and inside the laboratory's own range does not count as below the limit.
    """

    name: str
    values: Mapping[str, float]
    sources: tuple[str, ...] = ()
    lab_range_floor: float | None = None
    sides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PairTable:
    """Partners of a medicine and, for each class of partner, the words the card may use."""

    name: str
    rows: Mapping[str, Mapping[str, str]]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """A source as `sources.yaml` gives it; `url` is empty where the canonical link is to be confirmed."""

    key: str
    label: str
    citation: str
    url: str
    read: str
    year: str


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """A coded reason a clinician may give for not following a card."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class OrderTemplate:
    """A FHIR R4 resource that a suggestion creates, or the members that a named edit replaces."""

    name: str
    resource: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Gate:
    """No suggestion proposes a medicine of these classes unless the criterion is known to be true."""

    proposes: frozenset[str]
    only_if: Criterion
    judge: Compiled
    why: str


@dataclass(frozen=True, slots=True)
class References:
    """Everything shared between cards, checked and ready to look up.

    `catalogue` holds every card id ever given; `classes_of` the classes of each ingredient; `regions` the title of each
    jurisdiction; `attributes` what is said of the source of every card. `questions` are the facts read so far: the same
    question on two cards is one function.
    """

    terms: Terms
    concepts: Mapping[str, str]
    limits: Mapping[str, Mapping[str, Limit]]
    pairs: Mapping[str, PairTable] = field(default_factory=dict)
    criteria: Mapping[str, Spot] = field(default_factory=dict)
    sources: Mapping[str, Citation] = field(default_factory=dict)
    orders: Mapping[str, OrderTemplate] = field(default_factory=dict)
    edits: Mapping[str, OrderTemplate] = field(default_factory=dict)
    overrides: Mapping[str, OverrideReason] = field(default_factory=dict)
    override_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()
    catalogue: frozenset[str] = frozenset()
    classes_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    regions: Mapping[str, str] = field(default_factory=dict)
    attributes: SharedAttributes = NO_ATTRIBUTES
    questions: "dict[str, Question]" = field(default_factory=dict, init=False, compare=False, repr=False)

    def gates_for(self, classes: frozenset[str]) -> tuple[Gate, ...]:
        """The gates that stand before a proposal of these classes."""
        return tuple(gate for gate in self.gates if gate.proposes & classes)
