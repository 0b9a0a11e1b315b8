"""Findings of one card about several medicines that say the same: one finding that names them all."""

from collections.abc import Iterable, Sequence

from cds_service.chart import LabResult, Medication, Problem
from cds_service.decide.decision import Finding
from cds_service.knowledge.card import Summary
from cds_service.knowledge.case import Absent, Evidence, Pair
from cds_service.knowledge.criteria import Trace
from cds_service.knowledge.placeholders import Moment


def one_for_all(findings: Sequence[Finding]) -> list[Finding]:
    """All of them as one, at the highest level found (a card with `each: false`)."""
    return [_together(findings)] if findings else []


def joined(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, those of one card with the same words from the same results as one, in the place of the first.

    A draft keeps a finding of its own: it is the order that is asked about, and that a suggestion may remove.
    """
    if len(findings) < 2:
        return list(findings)
    alike: dict[object, list[Finding]] = {}
    for finding in findings:
        alike.setdefault(_likeness(finding, findings), []).append(finding)
    by_medicine = (sorted(group, key=lambda finding: finding.medicine) for group in alike.values())
    return [_together(group) if len(group) > 1 else group[0] for group in by_medicine]


def _together(findings: Sequence[Finding]) -> Finding:
    head = min(findings, key=lambda finding: finding.rank)
    names = tuple(dict.fromkeys(f.case.course.head.name for f in findings if f.case.course))
    steps = tuple(step for finding in findings for step in finding.trace)
    return Finding(head.card, head.case, head.indicator, steps, names, tuple(findings))


def _likeness(finding: Finding, findings: Iterable[Finding]) -> object:
    """What two findings must have in common to be one: card, level, wording, and the data beside the medicine."""
    others = any(other is not finding and other.card is finding.card for other in findings)
    if not others or has_draft(finding):
        return id(finding)
    return finding.card.id, finding.indicator, id(wording_of(finding)), frozenset(_grounds(finding))


def has_draft(finding: Finding) -> bool:
    """Whether the medicine it is about is being ordered."""
    return finding.case.course is not None and bool(finding.case.course.drafts)


def _grounds(finding: Finding) -> Iterable[Evidence]:
    """The results, problems, other medicines and missing results that it rests on; not what its own orders say."""
    own = {id(order) for order in finding.case.orders}
    for step in finding.trace:
        for item in step.evidence if step.value and not step.leaf.excludes else ():
            if isinstance(item, LabResult | Problem | Absent | Pair | Medication) and id(item) not in own:
                yield item


def wording_of(finding: Finding) -> Summary:
    """The wording of its summary."""
    return worded(finding)[0]


def worded(finding: Finding) -> tuple[Summary, Moment]:
    """The first wording whose condition holds, and what it is filled from: what the condition found belongs to it.

    The loader sees to it that the last wording has no condition.
    """
    moment = finding.moment
    for wording in finding.card.summaries:
        trace: Trace = []
        if wording.judge is None or wording.judge(finding.case, trace):
            return wording, moment._replace(trace=(*moment.trace, *trace)) if trace else moment
    return finding.card.summaries[-1], moment
