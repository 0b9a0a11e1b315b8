"""What a decision is: findings, the outcome of every card that had something to judge, and the cards to send."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from cds_service import hooks
from cds_service.chart import Gap, Section
from cds_service.knowledge.card import Card, Indicator
from cds_service.knowledge.case import Case
from cds_service.knowledge.criteria import Step
from cds_service.knowledge.placeholders import Moment

Result = Literal["shown", "merged", "replaced", "overflow", "quiet", "cannot-judge", "error"]
RANK: dict[Indicator, int] = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """A card that fired for a medicine (or for the patient).

    `names` are the medicines of a finding that joins several, `parts` the findings it was joined from.
    """

    card: Card
    case: Case
    indicator: Indicator
    trace: tuple[Step, ...]
    names: tuple[str, ...] = ()
    parts: "tuple[Finding, ...]" = ()

    @property
    def each(self) -> "tuple[Finding, ...]":
        """The findings it was joined from; itself where it was not joined."""
        return self.parts or (self,)

    @property
    def moment(self) -> Moment:
        """What its texts are filled from."""
        return Moment(self.case, self.trace, self.names, tuple([part.case for part in self.parts]))

    @property
    def ingredients(self) -> tuple[str, ...]:
        """The ingredients it is about; none for the patient, and for all medicines of a card with `each: false`."""
        if not self.parts:
            return (self.case.course.ingredient,) if self.case.course else ()
        if not self.card.about.each and len(self.names) > 1:
            return ()
        return tuple(dict.fromkeys(part.case.course.ingredient for part in self.parts if part.case.course))

    @property
    def medicine(self) -> str:
        """The same in words."""
        return ", ".join(self.ingredients)

    @property
    def orders(self) -> frozenset[str]:
        """The references of the orders it rests on."""
        return frozenset(order.reference for part in self.each for order in part.case.orders if order.reference)

    @property
    def rank(self) -> tuple[int, int, str]:
        """Its place among findings: indicator, then priority, then id."""
        return RANK[self.indicator], self.card.priority, self.card.id


class Outcome(NamedTuple):
    """What became of one card for one medicine. `because` lists what kept it from being judged or shown."""

    card: Card
    medicine: str
    result: Result
    indicator: Indicator | None
    trace: tuple[Step, ...]
    gaps: tuple[Gap, ...] = ()
    because: str = ""


class Shown(NamedTuple):
    """A card that goes out: its uuid, the finding that heads it, and all findings in it."""

    uuid: str
    head: str
    findings: tuple[tuple[str, str, Indicator], ...]
    suggestions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer and everything needed to explain it.

    `unanswerable` names the sections without which no card of the hook could be judged (then there is no answer but
    a 412); `left_out` says which suggestions were not made and why.
    """

    cards: tuple[hooks.Card, ...]
    outcomes: tuple[Outcome, ...]
    shown: tuple[Shown, ...]
    unanswerable: tuple[Section, ...] = ()
    left_out: tuple[str, ...] = ()
    silent: int = 0
