"""The story of one call: gather, read the chart, decide, record, answer. The record is durable before the answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from uuid import UUID, uuid4

import msgspec

from cds_service import hooks
from cds_service.audit import Journal
from cds_service.caller import Caller, ClientOptions
from cds_service.chart import Chart, Needs, Section
from cds_service.decide import Decision, decide
from cds_service.decide.wording import SECTION_WORDS
from cds_service.fhir import Gathered, fhir_source, gather, may_ask, read_chart
from cds_service.folders import fixtures_folder
from cds_service.hooks import FeedbackEntry, HookRequest
from cds_service.knowledge.library import Library
from cds_service.pace import Pace
from cds_service.record import decision_record, feedback_record

NOTE_SERVER = "fhirServer is not one that may be asked"
CANARY_ID = UUID(int=0)
# What is kept of a call's time for deciding, after its questions to a FHIR server.
_DECIDING_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: status, body, and facts for the log line (never a word of the chart)."""

    status: int
    body: bytes
    summary: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Judged:
    """A call read and decided, before anything is written."""

    gathered: Gathered
    chart: Chart
    decision: Decision
    timings: Mapping[str, float]


def respond(
    request: HookRequest, caller: Caller, library: Library, journal: Journal, now: datetime, decision_id: UUID,
    pace: Pace | None = None,
) -> Answer:  # fmt: skip
    """The answer to a hook call. Raises `JournalUnavailable` when the record is not kept in time: then no card leaves.

    Raises `OutOfTime` when the decision would come later than `pace` allows: then there is none, and no record. A turn
    that the caller has taken to compute ends before the record is written.
    """
    pace = pace or Pace()
    judged = judge(request, caller.options, library, now, decision_id, caller.name, pace)
    answer = _answer(judged, decision_id)
    record = decision_record(
        _noted(request, caller.options),
        caller,
        library,
        judged.gathered,
        judged.chart,
        judged.decision,
        decision_id,
        answer.status,
        judged.timings,
    )
    pace.check()
    pace.rest()  # the disk is waited for by many at once
    journal.write(record, until=pace.until)
    return answer


def _noted(request: HookRequest, options: ClientOptions) -> HookRequest:
    """The request with a note for the record when it names a FHIR server that its client may not name."""
    if request.fhir_server is None or may_ask(request.fhir_server, options):
        return request
    return replace(request, notes=(*request.notes, NOTE_SERVER))


def judge(
    request: HookRequest, options: ClientOptions, library: Library, now: datetime, decision_id: UUID,
    client: str = "", pace: Pace | None = None,
) -> Judged:  # fmt: skip
    """Gather, read the chart, decide; no side effect. `client` is the registered name of the caller.

    Raises `OutOfTime`, where a `pace` is given.
    """
    hook, pace = request.hook, pace or Pace()
    start = perf_counter()
    needs = library.needs(hook)
    latest = pace.until - _DECIDING_SECONDS
    source = fhir_source(request, options, lambda: _templates(needs, library), client, latest, pace)
    gathered = gather(request, needs, source, pace.check)
    pace.check()
    chart = read_chart(request, gathered, library.terms, now, needs.tests, pace.check)
    seen = perf_counter()
    decision = decide(chart, library, options, hook, decision_id, pace.check)
    done = perf_counter()
    return Judged(gathered, chart, decision, {"read": (seen - start) * 1000, "decide": (done - seen) * 1000})


def _templates(needs: Needs, library: Library) -> Mapping[str, str]:
    return hooks.prefetch_templates(needs, library.terms.observation_tokens(needs.tests))


def _answer(judged: Judged, decision_id: UUID) -> Answer:
    decision, unfetched = judged.decision, judged.gathered.unfetched
    summary: dict[str, object] = {"unfetched": unfetched} if unfetched else {}
    if decision.unanswerable:
        body = hooks.operation_outcome(412, unanswerable(decision.unanswerable), "/prefetch", str(decision_id))
        return Answer(412, body, {"cards": 0, "lacking": list(decision.unanswerable), **summary})
    failed = [outcome.card.id for outcome in decision.outcomes if outcome.result == "error"]
    summary |= {"cards": len(decision.cards), **({"failed": failed} if failed else {})}
    return Answer(200, hooks.encode_cards(decision.cards), summary)


def unanswerable(sections: Sequence[Section]) -> str:
    """The sentence of a 412: which prefetch keys are lacking."""
    named = ", ".join(f"{section} ({SECTION_WORDS[section]})" for section in sections)
    return f"Nothing could be checked: these prefetch keys were not delivered or could not be used: {named}."


def take_feedback(
    entries: Sequence[FeedbackEntry], service_id: str, caller: Caller, library: Library, journal: Journal,
    now: datetime, pace: Pace | None = None,
) -> None:  # fmt: skip
    """Record what became of our cards, all entries at once, in the time of `pace`. Raises `JournalUnavailable`."""
    known = frozenset(library.references.overrides)
    records = [feedback_record(entry, service_id, caller, known, uuid4(), now) for entry in entries]
    journal.write(*records, until=(pace or Pace()).until)


def failing_checks(library: Library, now: datetime) -> list[tuple[str, str]]:
    """The readiness checks that fail now: a synthetic canary patient must see the card made for it."""
    try:
        canary = json.loads((fixtures_folder() / "canary.json").read_text(encoding="utf-8"))
        request = hooks.read_request(msgspec.json.encode(canary["request"]), canary["request"]["hook"])
        decision = judge(request, ClientOptions(shows_drafts=True), library, now, CANARY_ID).decision
    except Exception as error:
        return [("canary", f"the canary patient could not be judged: {type(error).__name__}")]
    if canary["expects"] not in {shown.head for shown in decision.shown}:
        return [("canary", f"the canary patient did not see {canary['expects']}")]
    return []
