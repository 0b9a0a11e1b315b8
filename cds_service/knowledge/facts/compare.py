"""Comparing a number known only as a range with a bound: true, false, or unknown when the range straddles it."""

import operator
from collections.abc import Callable, Mapping
from typing import NamedTuple

from cds_service.chart import Range
from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.logic import Truth
from cds_service.knowledge.spot import Spot

RELATIONS = ("above", "at_least", "at_most", "below")
_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "above": operator.gt,
    "at_least": operator.ge,
    "at_most": operator.le,
    "below": operator.lt,
}
WORDING = {"above": "above", "at_least": "at least", "at_most": "at most", "below": "below"}


class Bound(NamedTuple):
    """A relation and the number it compares with."""

    relation: str
    number: float

    def met(self, number: float) -> bool:
        """Whether a number satisfies the relation."""
        return _HOLDS[self.relation](number, self.number)

    def holds(self, found: Range) -> Truth:
        """Whether every number of the range satisfies the relation (true), none does (false), or it depends."""
        low = self.met(found.low)
        return low if found.low == found.high or low == self.met(found.high) else None


def relation_of(members: Mapping[str, Spot], spot: Spot) -> tuple[str, Spot]:
    """The one relation among the members of a fact's argument."""
    found = [(key, members[key]) for key in RELATIONS if key in members]
    if len(found) != 1:
        spot.fault(
            not_one_of("exactly one comparison is needed: the key", " and ".join(k for k, _ in found), RELATIONS)
        )
    return found[0]
