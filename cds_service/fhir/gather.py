"""Everything one call delivered: prefetch, draft orders and what was fetched; what was not obtained is named."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import msgspec

from cds_service.chart import SECTIONS, Gap, Needs, Section, SectionState
from cds_service.fhir.decode import EXPECTED, Delivered, Word, deliver
from cds_service.fhir.drafts import Draft, read_drafts
from cds_service.fhir.elements import Entry
from cds_service.fhir.fetch import Source
from cds_service.fhir.pages import FAILURES, Fetched
from cds_service.fhir.subjects import of_another, own_entries, pointers_to_patient
from cds_service.hooks import HookRequest
from cds_service.pace import Check, no_limit

_STATES: Mapping[Word, SectionState] = {"ok": "read", "empty": "read", "partial": "partial"}
_REASONS: Mapping[Word, tuple[str, str]] = {
    "absent": ("not-delivered", "not delivered"),
    "error": ("query-failed", "the query failed or its answer cannot be read"),
    "partial": ("partial", "only a part was delivered"),
    "other-patient": ("other-patient", "the data delivered belong to another patient"),
}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one call delivered about its patient.

    `resources` holds the patient's own resources per section, in the order sent, with what they refer to; `drafts` the
    medication orders of `context.draftOrders`, and `beside` everything else in that Bundle. `prefetch` says for the
    decision record what each key was worth: ok, empty, absent, error, partial, other-patient; "fetched/" and such a
    word where we asked the FHIR server ourselves.
    """

    resources: Mapping[Section, tuple[Entry, ...]]
    drafts: tuple[Draft, ...]
    beside: tuple[Entry, ...]
    states: Mapping[Section, SectionState]
    gaps: tuple[Gap, ...]
    prefetch: Mapping[Section, str]

    @property
    def unfetched(self) -> list[str]:
        """The reasons why something could not be fetched, each once, in the order of the alphabet."""
        return sorted({gap.reason for gap in self.gaps if gap.reason in FAILURES})


class _Own(NamedTuple):
    """The patient's part of what one key delivered."""

    word: Word
    entries: tuple[Entry, ...]
    strangers: int


def gather(
    request: HookRequest, needs: Needs, source: Source | None = None, check: Check = no_limit
) -> Gathered:  # fmt: skip
    """The resources of the sections that the cards need, and the draft orders.

    A key that prefetch satisfies costs no call; the others are asked of `source`, the client's FHIR server. Never
    raises for what is delivered; `check`, which is called between pieces of work, may end it all, as may
    the time of `source`.
    """
    delivered = {
        section: deliver(request.prefetch.get(section), section, check)
        for section in SECTIONS
        if section in needs.sections
    }
    drafts, beside, lost = read_drafts(request, check)
    fetched = _fetch(source, request, delivered, (*beside, *(draft.entry for draft in drafts))) if source else {}
    asked = {section for section, found in fetched.items() if found.asked}
    ours = pointers_to_patient(request.patient_id, chain(*(value.entries for value in delivered.values()), beside))
    own = {section: _own(value, section, ours, check) for section, value in delivered.items()}
    words = {section: value.word for section, value in own.items()}
    mine = tuple(draft for draft in drafts if not of_another(draft.entry, ours))
    gaps = [gap for section, value in own.items() for gap in _section_gaps(section, value, fetched.get(section))]
    return Gathered(
        resources={section: value.entries for section, value in own.items()},
        drafts=mine,
        beside=beside,
        states={section: _STATES.get(words.get(section, "absent"), "unread") for section in SECTIONS},
        gaps=(*gaps, *_draft_gaps(lost, len(drafts) - len(mine))),
        prefetch={section: f"fetched/{word}" if section in asked else word for section, word in words.items()},
    )


def _fetch(
    source: Source, request: HookRequest, delivered: dict[Section, Delivered], ordered: tuple[Entry, ...]
) -> Mapping[Section, Fetched]:
    """Put what can be fetched in the place of what was not delivered."""
    try:
        fetched = source.complete(delivered, request.prefetch)
        delivered.update({section: found.delivered for section, found in fetched.items()})
        if "medications" in delivered:
            listed = delivered["medications"]
            held = (*(entry for value in delivered.values() for entry in value.entries), *ordered)
            named = not ("medications" in fetched and fetched["medications"].asked)
            more = source.medications((*listed.entries, *ordered), held, unnamed_only=named)
            delivered["medications"] = listed._replace(entries=(*listed.entries, *more))
    finally:
        source.end()
    return fetched


def newest_of_each(entries: Iterable[Entry], check: Check) -> tuple[Entry, ...]:
    """Every resource once: of several with the same type and id the one changed last."""
    found: dict[object, Entry] = {}
    changed: dict[object, tuple[str, bytes]] = {}  # of those that came more than once
    for place, entry in enumerate(entries):
        resource = entry.resource
        name = (resource.resource_type, resource.id) if resource is not None and resource.id else place
        known = found.setdefault(name, entry)
        if known is not entry and known.resource != resource:
            check()
            if name not in changed:
                changed[name] = _changed(known)
            if (stamp := _changed(entry)) > changed[name]:
                found[name], changed[name] = entry, stamp
    return tuple(found.values())


def _changed(entry: Entry) -> tuple[str, bytes]:
    """When the resource changed last; its content decides between versions that do not say, whatever their order."""
    resource = entry.resource
    stamp = (resource.meta.last_updated or "") if resource is not None and resource.meta is not None else ""
    return stamp, msgspec.json.encode(resource)


def _own(value: Delivered, section: Section, ours: frozenset[str], check: Check) -> _Own:
    """The patient's part of one section."""
    check()
    mine = own_entries(value.entries, ours)
    strangers = len(value.entries) - len(mine)
    if strangers and not any(entry.resource and entry.resource.resource_type in EXPECTED[section] for entry in mine):
        return _Own("other-patient", (), 0)
    return _Own(value.word, newest_of_each(mine, check), strangers)


def _section_gaps(section: Section, own: _Own, fetched: Fetched | None) -> list[Gap]:
    if fetched is not None and fetched.failure and own.word != "other-patient":
        partly = "not delivered" if own.word == "error" else "only a part was delivered"
        detail = f"{partly}, and {FAILURES[fetched.failure]}"
        return [Gap(section, fetched.failure, detail=detail), *_strangers_gap(section, own.strangers)]
    if own.word in _REASONS:
        reason, detail = _REASONS[own.word]
        grave = own.word == "other-patient"
        return [Gap(section, reason, detail=detail, grave=grave), *_strangers_gap(section, own.strangers)]
    return _strangers_gap(section, own.strangers)


def _strangers_gap(section: Section, count: int) -> list[Gap]:
    if not count:
        return []
    entries = "1 entry" if count == 1 else f"{count} entries"
    return [Gap(section, "other-patient-entries", detail=f"{entries} of another patient left out", grave=True)]


def _draft_gaps(lost: int, strangers: int) -> list[Gap]:
    unreadable = Gap("medications", "unreadable-draft", detail="a draft order cannot be read", grave=True)
    return [*([unreadable] if lost else []), *_strangers_gap("medications", strangers)]
