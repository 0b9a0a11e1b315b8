"""From findings to the few cards a clinician sees: silence, join, order, and at most five in all."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cds_service.chart import Problem
from cds_service.decide.decision import RANK, Finding
from cds_service.decide.joining import has_draft
from cds_service.hooks import Hook
from cds_service.knowledge.card import Indicator

MOST_CARDS = 5


class Bundle(NamedTuple):
    """Findings that become one card: the head gives summary, source and id; the sections stand below.

    `findings` are head and sections, `indicator` is the highest among them.
    """

    head: Finding
    sections: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    indicator: Indicator

    @property
    def rank(self) -> tuple[int, int, str]:
        """Its place among the cards."""
        return RANK[self.indicator], self.head.card.priority, self.head.card.id


def silenced(findings: Sequence[Finding]) -> dict[int, str]:
    """Which findings are not shown because another fired: position → id of the card that replaces it."""
    gone: dict[int, str] = {}
    for position, finding in enumerate(findings):
        for other in findings:
            if other is not finding and _silences(other, finding):
                gone[position] = other.card.id
    return gone


def _silences(strong: Finding, weak: Finding) -> bool:
    named = weak.card.id in strong.card.merge.replaces or strong.card.id in weak.card.merge.yields_to
    return named and _same_medicine(strong, weak)


def _same_medicine(one: Finding, other: Finding) -> bool:
    """One medicine, two halves of one combination product, or a finding about the patient."""
    if not one.ingredients or not other.ingredients or _shared(one, other):
        return True
    return bool(one.orders & other.orders)


def _shared(one: Finding, other: Finding) -> bool:
    return not frozenset(one.ingredients).isdisjoint(other.ingredients)


def bundled(findings: Sequence[Finding], hook: Hook) -> list[Bundle]:
    """The findings as cards, in the order of showing: one card for a group and medicine, joined as the cards say."""
    if len(findings) == 1:
        return [bundle_of(findings)]
    homes = list(range(len(findings)))
    for one, finding in enumerate(findings):
        for two, other in enumerate(findings):
            if one != two and _belong_together(finding, other):
                _unite(homes, one, two)
    _seat_guests(findings, homes, hook)
    groups = [[f for f, h in zip(findings, homes, strict=True) if h == home] for home in dict.fromkeys(homes)]
    return sorted((bundle_of(group) for group in groups), key=lambda bundle: bundle.rank)


def _unite(homes: list[int], one: int, two: int) -> None:
    old, new = homes[two], homes[one]
    homes[:] = [new if home == old else home for home in homes]


def _belong_together(one: Finding, other: Finding) -> bool:
    if one.card.group == other.card.group and _shared(one, other):
        return True
    if one.card is other.card and not has_draft(one) and not has_draft(other):
        return True
    if other.card.id not in one.card.merge.joins:
        return False
    # Inside a group a card joins only findings about the same medicine; across groups the cause may be another one.
    return one.card.group != other.card.group or _same_medicine(one, other)


def _seat_guests(findings: Sequence[Finding], homes: list[int], hook: Hook) -> None:
    """A card with `joins: {any: hook}` becomes a section of the first other card that speaks of the same problem."""
    order = sorted(range(len(findings)), key=lambda position: findings[position].rank)
    for guest in order:
        if hook not in findings[guest].card.merge.joins_any:
            continue
        hosts = [p for p in order if homes[p] != homes[guest] and _problems(findings[p]) & _problems(findings[guest])]
        if hosts:
            _unite(homes, hosts[0], guest)


def _problems(finding: Finding) -> set[str]:
    items = (item for step in finding.trace if step.value for item in step.evidence)
    return {concept for item in items if isinstance(item, Problem) for concept in item.concepts}


def bundle_of(findings: Sequence[Finding]) -> Bundle:
    """The head is the finding no other joins; where the cards leave a choice, priority decides."""
    if len(findings) == 1:
        return Bundle(findings[0], (), tuple(findings), findings[0].indicator)
    joined = {name for finding in findings for name in finding.card.merge.joins if name != finding.card.id}
    guests = {finding.card.id for finding in findings if finding.card.merge.joins_any}
    heads = [f for f in findings if f.card.id not in joined | guests] or list(findings)
    head = min(heads, key=lambda finding: (finding.card.priority, finding.card.id, finding.rank, finding.medicine))
    sections = tuple(sorted((f for f in findings if f is not head), key=lambda finding: finding.rank))
    indicator = min((finding.indicator for finding in findings), key=RANK.__getitem__)
    return Bundle(head, sections, (head, *sections), indicator)


def seated(bundles: Sequence[Bundle], with_quality: bool) -> tuple[list[Bundle], list[Bundle]]:
    """The cards that fit and those that overflow. Critical cards always fit; the quality card takes the fifth place."""
    room = MOST_CARDS - 1 if with_quality or len(bundles) > MOST_CARDS else MOST_CARDS
    critical = sum(bundle.indicator == "critical" for bundle in bundles)
    cut = max(room, critical)
    return list(bundles[:cut]), list(bundles[cut:])


def titles(bundles: Iterable[Bundle]) -> tuple[str, ...]:
    """The titles of all findings in some cards."""
    return tuple(dict.fromkeys(finding.card.title for bundle in bundles for finding in bundle.findings))
