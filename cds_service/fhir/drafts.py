"""The draft orders in `context.draftOrders`, and which of them the hook asks about (docs/integrating.md)."""

from collections.abc import Iterable
from typing import NamedTuple

from cds_service.fhir.decode import decode_each
from cds_service.fhir.elements import Entry
from cds_service.fhir.references import local_reference, plain_reference
from cds_service.hooks import HookRequest
from cds_service.pace import Check, no_limit

ORDER_TYPES = frozenset({"MedicationRequest", "MedicationOrder"})


class Draft(NamedTuple):
    """One medication order being written: decoded, exactly as sent, and whether the hook asks about it."""

    entry: Entry
    as_sent: bytes
    judged: bool


def read_drafts(request: HookRequest, check: Check = no_limit) -> tuple[tuple[Draft, ...], tuple[Entry, ...], int]:
    """The medication orders being written, the other resources beside them, and how many could not be read.

    `check` is called between them and may end it all.
    """
    if request.draft_orders is None:
        return (), (), 0
    read = list(decode_each(request.draft_orders, check))
    held = _once([(entry, bytes(sent)) for entry, sent in read if entry is not None])
    judged = _judged(request, [entry for entry, _ in held])
    drafts = tuple(
        Draft(entry, sent, place in judged) for place, (entry, sent) in enumerate(held) if _type(entry) in ORDER_TYPES
    )
    beside = tuple(entry for entry, _ in held if _type(entry) not in ORDER_TYPES)
    return drafts, beside, sum(entry is None for entry, _ in read)


def _once(held: Iterable[tuple[Entry, bytes]]) -> list[tuple[Entry, bytes]]:
    """Entries sent twice, byte for byte, count once."""
    return list({(entry.full_url, sent): (entry, sent) for entry, sent in held}.values())


def _judged(request: HookRequest, entries: list[Entry]) -> set[int]:
    """The places of the entries that the hook asks about.

    All of them on order-sign, and on order-select when the selection is missing or names nothing that is there.
    """
    everything = set(range(len(entries)))
    if request.hook != "order-select" or request.selections is None:
        return everything
    wanted = {name for selection in request.selections for name in _forms(selection)}
    chosen = {place for place, entry in enumerate(entries) if wanted & _names(entry)}
    return chosen if chosen or not request.selections else everything


def _forms(pointer: str) -> set[str]:
    return {plain_reference(pointer), local_reference(pointer)}


def _names(entry: Entry) -> set[str]:
    """What a selection may call this entry: `Type/id`, the bare id, the full URL."""
    names = _forms(entry.full_url) if entry.full_url else set()
    if entry.resource is not None and entry.resource.id:
        own = entry.resource.id.strip()
        names |= {own, f"{_type(entry)}/{own}"}
    return names


def _type(entry: Entry) -> str:
    return (entry.resource.resource_type or "") if entry.resource is not None else ""
