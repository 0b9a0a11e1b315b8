"""One prefetch value as sent becomes a list of resources and a word for what its key was worth.

The fast way decodes the whole value in one call. Where that fails, each resource is decoded by itself, and one that
still fails is fitted member by member (`lenient`): one bad resource never costs the others.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from cds_service.chart import Section
from cds_service.fhir.elements import ABSENT, Entry, Issue, Link, Resource
from cds_service.fhir.lenient import fit_resource, plain_json
from cds_service.pace import Check, no_limit

Word = Literal["ok", "empty", "absent", "error", "partial", "other-patient"]

# What counts as an answer under a key. Other types in the same Bundle only serve to resolve references.
EXPECTED: Mapping[Section, frozenset[str]] = {
    "patient": frozenset({"Patient"}),
    "medications": frozenset({"MedicationRequest", "MedicationStatement", "MedicationOrder"}),
    "observations": frozenset({"Observation", "DiagnosticReport"}),
    "conditions": frozenset({"Condition"}),
    "allergies": frozenset({"AllergyIntolerance"}),
}
_MOST_NESTED = 3
_T = TypeVar("_T")


class Delivered(NamedTuple):
    """What came under one prefetch key. `beside` holds resources that are no answer, where nothing else came."""

    word: Word
    entries: tuple[Entry, ...] = ()
    beside: tuple[Entry, ...] = ()


class _Envelope(Struct, gc=False, rename="camel"):
    """A Bundle whose parts are still raw, for the slow way."""

    resource_type: Raw = ABSENT
    entry: Raw = ABSENT
    link: Raw = ABSENT
    total: Raw = ABSENT


class _RawEntry(Struct, gc=False, rename="camel"):
    full_url: Raw = ABSENT
    resource: Raw = ABSENT


class _RawEntries(Struct, gc=False):
    entry: list[_RawEntry | None] | None = None


_RESOURCE = msgspec.json.Decoder(Resource)
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_RAW_ENTRIES = msgspec.json.Decoder(_RawEntries)
_RAW_ENTRY = msgspec.json.Decoder(_RawEntry)
_LIST = msgspec.json.Decoder(list[Raw])
_LINKS = msgspec.json.Decoder(list[Link | None])
_NUMBER = msgspec.json.Decoder(int)
_TEXT = msgspec.json.Decoder(str)


def deliver(raw: Raw | None, section: Section, check: Check = no_limit) -> Delivered:
    """The resources under one key, and whether they are an answer (docs/integrating.md, "Prefetch").

    Raises nothing but what `check` raises, which is called before the value and between resources read one by one.
    """
    check()
    if raw is None:
        return Delivered("absent")
    try:
        root = _RESOURCE.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return _slowly(raw, section, check)
    if _is_bundle(root):
        return _bundle(root, section)
    return _single(Entry(resource=root), section)


def decode_resource(raw: Raw) -> Entry | None:
    """One resource, typed if it fits, fitted member by member if not; None when it is no JSON object."""
    resource = _decoded(raw, _RESOURCE)
    return Entry(resource=resource) if resource is not None else _fitted(raw)


def _fitted(raw: Raw) -> Entry | None:
    try:
        resource, losses = fit_resource(plain_json(raw))
    except (ValueError, RecursionError):
        return None
    return Entry(resource=resource, losses=losses) if resource else None


def decode_each(raw: Raw, check: Check, nested: int = 0) -> Iterator[tuple[Entry | None, Raw]]:
    """The resources of a Bundle one by one as `decode_resource` gives them, each with what was sent.

    Those of Bundles inside it are included, entries that are none skipped. Also takes a bare list of resources. `check`
    is called before each and may end it all.
    """
    for held in _raw_entries(raw):
        check()
        sent = held.resource
        if not bytes(sent).startswith(b"{"):
            continue
        resource = _decoded(sent, _RESOURCE)
        if nested < _MOST_NESTED and (_is_bundle(resource) if resource is not None else _is_raw_bundle(sent)):
            yield from decode_each(sent, check, nested + 1)
            continue
        entry = Entry(resource=resource) if resource is not None else _fitted(sent)
        if entry is not None:
            entry.full_url = _text(held.full_url) or None
        yield entry, sent


def _single(entry: Entry, section: Section) -> Delivered:
    """A resource without a Bundle around it: an answer when it is of an expected type, otherwise a failure."""
    kind = entry.resource.resource_type if entry.resource else None
    return Delivered("ok", (entry,)) if kind in EXPECTED[section] else Delivered("error")


def _bundle(root: Resource, section: Section) -> Delivered:
    entries = tuple(_flat(root, 0))
    if root.entry and not entries:
        return Delivered("error")
    return _worth(entries, section, goes_on=_has_next(root.link), total=_total(root.total))


def _flat(bundle: Resource, nested: int) -> list[Entry]:
    found: list[Entry] = []
    for entry in bundle.entry or ():
        if entry is None or entry.resource is None:
            continue
        if entry.resource.resource_type == "Bundle" and nested < _MOST_NESTED:
            found += _flat(entry.resource, nested + 1)
        else:
            found.append(entry)
    return found


def _worth(entries: tuple[Entry, ...], section: Section, *, goes_on: bool, total: int) -> Delivered:
    """The word for a key under which these resources came, of `total` there are."""
    types = {entry.resource.resource_type for entry in entries if entry.resource is not None}
    if types & EXPECTED[section]:
        answers = len(entries) if types <= EXPECTED[section] else answers_in(entries, section)
        return Delivered("partial" if goes_on or total > answers else "ok", entries)
    if types - {"OperationOutcome"}:
        return Delivered("error", beside=entries)
    if _failed(entries):
        return Delivered("error")
    return Delivered("partial" if goes_on or total > 0 else "empty")


def answers_in(entries: Iterable[Entry], section: Section) -> int:
    """How many of these resources are what was asked for; a `total` counts only them, not what was included."""
    return sum(entry.resource is not None and entry.resource.resource_type in EXPECTED[section] for entry in entries)


def _failed(entries: Iterable[Entry]) -> bool:
    """Whether an OperationOutcome alone under a key reports a failure; one that only warns beside a Bundle does not."""
    outcomes = [entry.resource for entry in entries if entry.resource]
    return any(
        not outcome.issue or any(_serious(issue) for issue in outcome.issue if issue is not None)
        for outcome in outcomes
    )


def _serious(issue: Issue) -> bool:
    return issue.severity not in ("information", "warning", "success")


def _slowly(raw: Raw, section: Section, check: Check) -> Delivered:
    if bytes(raw).strip() in (b"null", b""):
        return Delivered("empty")
    envelope = _decoded(raw, _ENVELOPE)
    if envelope is None and not bytes(raw).lstrip().startswith(b"["):
        return Delivered("error")
    if envelope is not None and not _is_raw_bundle(raw):
        entry = decode_resource(raw)
        return _single(entry, section) if entry else Delivered("error")
    entries = tuple(entry for entry, _ in decode_each(raw, check) if entry is not None)
    if not entries and (envelope is None or _holds_anything(envelope.entry)) and bytes(raw).strip() != b"[]":
        return Delivered("error")
    if envelope is None:
        return _worth(entries, section, goes_on=False, total=0)
    return _worth(entries, section, goes_on=_raw_next(envelope), total=_total(envelope.total))


def _raw_entries(raw: Raw) -> Iterable[_RawEntry]:
    """The entries of a Bundle that are objects."""
    bundle = _decoded(raw, _RAW_ENTRIES)
    found = bundle.entry or () if bundle is not None else [_decoded(item, _RAW_ENTRY) for item in _items(raw)]
    return [entry for entry in found if entry is not None]


def _items(raw: Raw) -> list[Raw]:
    """The raw entries of a Bundle; a single entry counts as a list of one, a bare list holds the resources itself."""
    if bytes(raw).lstrip().startswith(b"["):
        resources = _decoded(raw, _LIST) or []
        return [Raw(b'{"resource":' + bytes(resource) + b"}") for resource in resources]
    envelope = _decoded(raw, _ENVELOPE)
    held = bytes(envelope.entry).lstrip() if envelope else b""
    if held.startswith(b"{"):
        return [Raw(held)]
    return _decoded(held, _LIST) or []


def _is_bundle(resource: Resource) -> bool:
    kind = resource.resource_type
    return kind == "Bundle" or (not kind and resource.entry is not None)


def _is_raw_bundle(raw: Raw) -> bool:
    envelope = _decoded(raw, _ENVELOPE)
    kind = _text(envelope.resource_type) if envelope is not None else ""
    return kind == "Bundle" or (not kind and envelope is not None and bytes(envelope.entry) not in (b"", b"null"))


def _holds_anything(entry: Raw) -> bool:
    return bytes(entry).strip() not in (b"", b"null", b"[]")


def _raw_next(envelope: _Envelope) -> bool:
    links = _decoded(envelope.link, _LINKS)
    # A link list that cannot be read may hide a next page.
    return _has_next(links) if links is not None else bytes(envelope.link) not in (b"", b"null")


def _has_next(links: list[Link | None] | None) -> bool:
    return any(link is not None and link.relation == "next" for link in links or ())


def _total(raw: Raw) -> int:
    return 0 if raw is ABSENT else _decoded(raw, _NUMBER) or 0


def _text(raw: Raw) -> str:
    return "" if raw is ABSENT else _decoded(raw, _TEXT) or ""


def _decoded(raw: Raw | bytes, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    """A piece of JSON as the type of a decoder, or None when it is something else."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
