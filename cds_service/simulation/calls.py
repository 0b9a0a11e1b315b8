"""The hook calls an EHR would make about a patient whose resources are at hand."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cds_service.hooks import Hook
from cds_service.simulation.populations import Case

# What a search under each key finds, and what comes along because the findings point to it.
PREFETCH: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "medications": (frozenset({"MedicationRequest", "MedicationStatement"}), frozenset({"Medication"})),
    "observations": (frozenset({"Observation", "DiagnosticReport"}), frozenset({"Specimen"})),
    "conditions": (frozenset({"Condition"}), frozenset()),
    "allergies": (frozenset({"AllergyIntolerance"}), frozenset()),
}
# When something was written, measured or began; never a birthday, an end that lies ahead or a date of upload.
_DATES = ("authoredOn", "effectiveDateTime", "effectiveInstant", "issued", "recordedDate", "onsetDateTime", "date",
          "dateAsserted", "performedDateTime", "occurrenceDateTime")  # fmt: skip
_PERIODS = ("period", "effectivePeriod", "onsetPeriod", "performedPeriod")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?=T|\Z)")
_INSTANCE = "3b0e7d3e-8f5a-4c1d-9a57-2f6c0d9be1a4"

Json = dict[str, Any]


def call(hook: Hook, case: Case, now: datetime) -> Json | None:
    """The call about this patient; None where an order hook would have no order to speak of.

    The order hooks ask about the orders in force as if each was being written again now.
    """
    context: Json = {"userId": "Practitioner/1", "patientId": case.patient}
    if hook != "patient-view":
        drafts = redrafted(case.entries, now)
        if not drafts:
            return None
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": drafts}
        names = [draft["resource"].get("id") for draft in drafts]
        if hook == "order-select" and all(isinstance(name, str) and name for name in names):
            context["selections"] = [f"MedicationRequest/{name}" for name in names]
    return {"hook": hook, "hookInstance": _INSTANCE, "context": context, "prefetch": _prefetch(case)}


def _prefetch(case: Case) -> Json:
    # The patient comes in a Bundle too: that keeps the full URL by which the other resources may point to it.
    found: Json = {"patient": _searchset(case.entries[:1])}
    for key, (types, beside) in PREFETCH.items():
        mine = _of_types(case, types)
        found[key] = _searchset([*mine, *_of_types(case, beside)] if mine else [])
    return found


def _of_types(case: Case, types: frozenset[str]) -> list[Json]:
    return [entry for entry in case.entries if entry["resource"].get("resourceType") in types]


def _searchset(entries: Sequence[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


def redrafted(entries: Iterable[Json], now: datetime) -> list[Json]:
    """The active orders as drafts written now."""
    written = {"status": "draft", "authoredOn": now.isoformat(timespec="seconds")}
    return [
        {**entry, "resource": {**entry["resource"], **written}}
        for entry in entries
        if entry["resource"].get("resourceType") == "MedicationRequest" and entry["resource"].get("status") == "active"
    ]


def noon(day: date) -> datetime:
    """The clock of a call on a day."""
    return datetime.combine(day, time(12), UTC)


def day_after(entries: Iterable[Json], today: date) -> date:
    """The day after the newest date in a patient's resources, dates that lie ahead left out; today where there is none.

    A history that was generated years ago is judged as of its own end: else every result in it is too old to count.
    """
    newest = max((day for entry in entries for day in _days(entry["resource"]) if day < today), default=today)
    return min(newest + timedelta(days=1), today)


def _days(resource: Json) -> Iterator[date]:
    periods = (resource[name] for name in _PERIODS if isinstance(resource.get(name), dict))
    for found in (*(resource.get(name) for name in _DATES), *(period.get("start") for period in periods)):
        match = _DAY.match(found) if isinstance(found, str) else None
        if match is None:
            continue
        try:
            yield date.fromisoformat(match[0])
        except ValueError:
            continue
