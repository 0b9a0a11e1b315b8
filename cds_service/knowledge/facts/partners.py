"""Facts about other medicines: what is taken or ordered beside the medicine the card is about."""

from collections.abc import Callable, Iterable

from cds_service.chart import Gap, Medication
from cds_service.knowledge.case import Case, Course, Evidence, Note, Pair, Verdict
from cds_service.knowledge.facts.registry import (
    MEDICATIONS,
    TRUE,
    WORDS,
    Question,
    classes_spoken,
    fact,
    marked,
    spoken,
    words,
)
from cds_service.knowledge.logic import Truth
from cds_service.knowledge.references import PairTable, References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import NO_TRAIT


@fact(
    "also",
    "another medicine, ordered now or taken, of a class or of a table of pairs",
    "medications not delivered, or a medicine that cannot be identified and may belong to the class",
    {
        "oneOf": [
            WORDS,
            {"type": "object", "required": ["pairs"], "properties": {"pairs": {"type": "string"}}},
        ]
    },
    NO_TRAIT,
)
def also(spot: Spot, references: References) -> Question:
    """`also: some-class`, `also: [a, b]`, `also: {pairs: some-table}`."""
    if isinstance(spot.value, dict):
        name = spot.mapping(["pairs"], [])["pairs"].choice("the table of pairs", references.pairs)
        table = references.pairs[name]
        text = f"a medicine listed in {name.replace('-', ' ')}"
        return Question(text, lambda case: _also(case, tuple(table.rows), _paired(table)), MEDICATIONS, partner=True)
    wanted = words(spot, "the drug class", references.terms.classes)
    text = f"{classes_spoken(wanted, references)} also ordered or taken"
    return Question(text, lambda case: _also(case, wanted, _bare), MEDICATIONS, partner=True)


def _bare(order: Medication, matched: str) -> Evidence:
    return order


def _paired(table: PairTable) -> Callable[[Medication, str], Evidence]:
    def evidence(order: Medication, matched: str) -> Evidence:
        return Pair(order, tuple(table.rows[matched].items()))

    return evidence


def _also(case: Case, wanted: tuple[str, ...], show: Callable[[Medication, str], Evidence]) -> Verdict:
    found: list[tuple[bool, Evidence]] = []
    for course in case.courses:
        orders = course.drafts or course.taken
        if not orders or course.classes.isdisjoint(wanted):
            continue
        if _is_other(course, orders, case.course):
            matched = next(name for name in wanted if name in course.classes)
            found.append((not course.drafts, show(orders[0], matched)))
    if found:
        # A partner that is being ordered now comes first: it is the side a suggestion may remove.
        return Verdict(True, tuple([evidence for _, evidence in sorted(found, key=lambda item: item[0])]))
    gaps = unidentified(case.chart.medications, wanted) + case.missing("medications")
    return Verdict(None, gaps) if gaps else Verdict(False)


def _is_other(course: Course, orders: tuple[Medication, ...], own: Course | None) -> bool:
    """Whether a course is another medicine: the other half of a combination product is not a second one."""
    if own is None:
        return True
    if course is own or course.ingredient == own.ingredient:
        return False
    return not all(any(order is mine for mine in own.current) for order in orders)


@fact(
    "drafted",
    "another order of this call, of one of the classes (with `reason`: written for that reason, in code or in words; "
    "with `no_reason`: without any reason)",
    "an order that cannot be identified and may belong to the class, or a reason that is not understood",
    {
        "oneOf": [
            WORDS,
            {
                "type": "object",
                "required": ["classes"],
                "properties": {"classes": WORDS, "reason": WORDS, "no_reason": TRUE},
                "additionalProperties": False,
            },
        ]
    },
    NO_TRAIT,
)
def drafted(spot: Spot, references: References) -> Question:
    """`drafted: some-class`, `drafted: {classes: [a, b], reason: some-concept}` (or `no_reason: true`)."""
    named, why, bare = spot, frozenset[str](), False
    if isinstance(spot.value, dict):
        members = spot.mapping(["classes"], ["reason", "no_reason"])
        if len(members) != 2:
            spot.fault("drafted with classes needs one more: reason or no_reason")
        named, bare = members["classes"], marked(members, "no_reason")
        why = frozenset(words(members["reason"], "the condition", references.concepts)) if not bare else why
    wanted = frozenset(words(named, "the drug class", references.terms.classes))
    text = f"{classes_spoken(tuple(sorted(wanted)), references)} being ordered"
    if why:
        text += f" because of {spoken(tuple(references.concepts[name] for name in sorted(why)))}"
    text += " without a recorded reason" if bare else ""
    return Question(text, lambda case: _drafted(case, wanted, why, bare), frozenset(), partner=True)


def _drafted(case: Case, wanted: frozenset[str], why: frozenset[str], bare: bool) -> Verdict:
    judged = [order for order in case.chart.medications if order.judged]
    orders = [
        order
        for order in judged
        if order.role == "draft"
        and not order.classes.isdisjoint(wanted)
        and all(order is not own for own in case.orders)
    ]
    answers = [(order, _written_for(order, why, bare)) for order in orders]
    found = tuple(order for order, answer in answers if answer)
    if found:
        return Verdict(True, found)
    gaps = (
        *(Gap("medications", "reason-not-understood", "", "the recorded reason is not understood", order.reference)
          for order, answer in answers if answer is None),
        *unidentified(judged, wanted),
    )  # fmt: skip
    return Verdict(None, gaps) if gaps else Verdict(False)


def _written_for(order: Medication, why: frozenset[str], bare: bool) -> Truth:
    """Whether an order states one of the reasons (or none, if bare); a reason nobody understands may be any."""
    if bare:
        return not order.reasons
    if not why or any(reason.concepts & why or reason.unclear & why for reason in order.reasons):
        return True
    return None if any(not reason.understood and not reason.unclear for reason in order.reasons) else False


def unidentified(medications: Iterable[Medication], wanted: Iterable[str]) -> tuple[Gap, ...]:
    """Medicines in force or judged whose text hints at one of the classes though no code or name says which."""
    hints = [(order, order.watched.intersection(wanted)) for order in medications if order.watched]
    return tuple([
        Gap("medications", "uncoded-drug", min(hinted), "a medicine that cannot be identified", order.reference)
        for order, hinted in hints
        if hinted and (order.judged or order.role in ("taken", "possibly-taken"))
    ])  # fmt: skip


@fact(
    "taking_count",
    "how many different medicines of the classes are taken or being ordered",
    "medications not delivered and the count not reached by what is known",
    {
        "type": "object",
        "required": ["classes", "at_least"],
        "properties": {"classes": WORDS, "at_least": {"type": "integer", "minimum": 1}},
        "additionalProperties": False,
    },
    NO_TRAIT,
)
def taking_count(spot: Spot, references: References) -> Question:
    """`taking_count: {classes: [a, b], at_least: 3}`."""
    members = spot.mapping(["classes", "at_least"], [])
    wanted = frozenset(words(members["classes"], "the drug class", references.terms.classes))
    least = int(members["at_least"].number())

    def judge(case: Case) -> Verdict:
        found = [course for course in case.courses if course.classes & wanted and (course.drafts or course.taken)]
        evidence = (Note(f"{len(found)} medicines"),)
        if len(found) >= least:
            return Verdict(True, evidence)
        gaps = case.missing("medications")
        return Verdict(None, gaps) if gaps else Verdict(False, evidence)

    text = f"at least {least} medicines of {classes_spoken(tuple(sorted(wanted)), references)}"
    return Question(text, judge, MEDICATIONS, of_patient=True)
