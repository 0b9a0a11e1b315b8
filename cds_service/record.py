"""The decision record: what was seen, what every card made of it, what was shown; built from named facts only.

Nothing is copied from the chart and masked afterwards: a member that is not written here cannot leak. No name, no
identifier, no reference, no token and no word a client wrote ever gets in.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from cds_service import __version__
from cds_service.caller import Caller
from cds_service.chart import Allergy, Chart, Day, Gap, LabResult, Medication, Problem, Range
from cds_service.decide import Decision, Outcome
from cds_service.fhir import Gathered
from cds_service.hooks import FeedbackEntry, HookRequest
from cds_service.knowledge.case import Absent, Evidence, Note, Pair
from cds_service.knowledge.criteria import Step
from cds_service.knowledge.library import Library

VERSION = 1
Plain = dict[str, object]


def decision_record(
    request: HookRequest, caller: Caller, library: Library, gathered: Gathered, chart: Chart, decision: Decision,
    decision_id: UUID, status: int, timings: Mapping[str, float],
) -> Plain:  # fmt: skip
    """One decision as plain JSON values."""
    return {
        "v": VERSION,
        "id": str(decision_id),
        "kind": "decision",
        "at": chart.now.isoformat(),
        "client": caller.name,
        "region": caller.options.region,
        "hook": request.hook,
        "status": status,
        "engine": __version__,
        "library": {"version": library.version, "revision": library.revision},
        "prefetch": dict(gathered.prefetch),
        "notes": list(request.notes),
        **_repeated(caller),
        "facts": facts(chart, decision),
        "outcomes": [outcome(entry) for entry in decision.outcomes],
        "silent": decision.silent,
        "cards": [
            {
                "uuid": shown.uuid,
                "card": shown.head,
                "findings": [
                    {"card": card, "about": about, "indicator": level} for card, about, level in shown.findings
                ],
                "suggestions": [{"uuid": uuid, "does": does} for uuid, does in shown.suggestions],
            }
            for shown in decision.shown
        ],
        "left_out": list(decision.left_out),
        "ms": {stage: round(spent, 3) for stage, spent in timings.items()},
    }


def feedback_record(
    entry: FeedbackEntry, service_id: str, caller: Caller, known: frozenset[str], record_id: UUID, now: datetime
) -> Plain:
    """One feedback entry; a comment or a code that is not in our list is not kept, only that there was one."""
    reason = entry.override_reason
    return {
        "v": VERSION,
        "id": str(record_id),
        "kind": "feedback",
        "at": now.isoformat(),
        "client": caller.name,
        "service": service_id,
        "card": uuid_or_unmatched(entry.card),
        "outcome": entry.outcome,
        "outcome_at": entry.outcome_timestamp.isoformat(),
        "accepted": [uuid_or_unmatched(uuid) for uuid in entry.accepted_suggestions],
        "reason": _known_reason(reason.code if reason else "", known),
        "commented": bool(reason and reason.user_comment),
        **_repeated(caller),
    }


def _repeated(caller: Caller) -> Plain:
    """A call that a balancer sent again is a record of its own, and says so."""
    return {"repeat": True} if caller.repeats else {}


def _known_reason(code: str, known: frozenset[str]) -> str:
    return code if not code or code in known else "other"


def uuid_or_unmatched(text: str) -> str:
    """A uuid as we write them; anything else came from elsewhere and is kept as the word `unmatched`."""
    try:
        return str(UUID(text))
    except ValueError:
        return "unmatched"


def facts(chart: Chart, decision: Decision) -> Plain:
    """What the cards could see, coded and relative to the call; in detail the medicines that a card was about."""
    subjects = frozenset([outcome.medicine for outcome in decision.outcomes])
    today = chart.now.date()
    return {
        "age": span(chart.age),
        "sex": chart.sex,
        "sections": dict(chart.sections),
        "medicines": [
            medicine(order) | therapy(order, today) if _looked_at(order, subjects) else medicine(order)
            for order in chart.medications
            if order.ingredients or order.classes
        ],
        "labs": [lab(results[0], today) for results in chart.labs.values() if results],
        "conditions": [
            {"concepts": sorted(entry.concepts), "active": entry.active, "days_ago": ago(entry.recorded, today)}
            for entry in chart.problems
            if entry.concepts
        ],
        "allergies": [{"to": sorted(entry.substances), "active": entry.active} for entry in chart.allergies],
        "gaps": [gap(entry) for entry in chart.gaps],
        "not_assessed": dict(chart.not_assessed),
    }


def _looked_at(order: Medication, subjects: frozenset[str]) -> bool:
    """Whether a card was about this order; one known by its group alone may be any."""
    return order.judged or not order.ingredients or not subjects.isdisjoint(order.ingredients)


def medicine(order: Medication) -> Plain:
    """One order: ingredients, role, route."""
    return {
        "ingredients": list(order.ingredients),
        "classes": sorted(order.classes),
        "found_by": order.confidence,
        "role": order.role,
        "judged": order.judged,
        "route": order.route,
    }


def therapy(order: Medication, today: date) -> Plain:
    """Dose, reasons and dates of an order, relative to the call."""
    return {
        "daily_mg": span(order.dose.daily),
        "reasons": sorted({concept for reason in order.reasons for concept in reason.concepts}),
        "reason_unclear": any(not reason.understood for reason in order.reasons),
        "started_days_ago": ago(order.started, today),
        "stopped_days_ago": ago(order.stopped, today),
    }


def lab(result: LabResult, today: date) -> Plain:
    """The latest result of a test in the unit of the library, or why it is unusable."""
    return {
        "test": result.test,
        "variant": result.variant,
        "value": result.value,
        "comparator": result.comparator,
        "days_ago": ago(result.day, today),
        "preliminary": result.preliminary,
        "haemolysed": result.haemolysed,
        "calculated": result.calculated,
        "problem": result.problem.reason if result.problem else "",
    }


def gap(entry: Gap) -> Plain:
    """A gap without its words: they may quote the client."""
    return {"section": entry.section, "reason": entry.reason, "about": entry.about}


def ago(day: Day | None, today: date) -> list[int] | None:
    """The least and the greatest number of days since a date."""
    if day is None:
        return None
    return [(today - day.last).days, (today - day.first).days]


def span(found: Range | None) -> list[float] | None:
    """A range as two numbers; infinity has no JSON and becomes the largest float."""
    if found is None:
        return None
    return [max(found.low, -1e308), min(found.high, 1e308)]


def outcome(entry: Outcome) -> Plain:
    """What became of one card for one medicine, with its trace."""
    return {
        "card": f"{entry.card.id}@{entry.card.version}",
        "about": entry.medicine,
        "result": entry.result,
        "indicator": entry.indicator,
        "because": entry.because,
        "gaps": [gap(one) for one in entry.gaps],
        "trace": [step(one) for one in entry.trace],
    }


def step(one: Step) -> list[object]:
    """Fact, place, answer, what it rests on in coded words, and whether the answer was assumed."""
    leaf, answer = one.leaf, "unknown" if one.value is None else one.value
    return [leaf.place, leaf.text, answer, [_CODED[type(item)](item) for item in one.evidence], one.assumed]


def _result(item: LabResult) -> str:
    return f"{item.test} {item.comparator}{item.value} {item.variant}".rstrip()


def _ingredients(order: Medication) -> str:
    return " ".join(order.ingredients)


# Each kind of evidence in words of the library only. A kind that is not here fails, and nothing of it gets in.
_CODED: Mapping[type[Evidence], Callable[[Any], str]] = {
    LabResult: _result,
    Medication: _ingredients,
    Pair: lambda pair: _ingredients(pair.medication),
    Problem: lambda problem: " ".join(sorted(problem.concepts)),
    Allergy: lambda allergy: " ".join(sorted(allergy.substances)),
    Gap: lambda entry: f"{entry.section} {entry.reason}",
    Absent: lambda absent: f"absent: {absent.what}",
    Note: lambda note: note.term,
}
