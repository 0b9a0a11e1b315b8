"""The pages of one search: read to the end below one base, and what they come to together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from cds_service.chart import Section
from cds_service.fhir.bases import Base, below
from cds_service.fhir.decode import Delivered, Word, answers_in, deliver
from cds_service.fhir.elements import ABSENT
from cds_service.hooks import entries_in
from cds_service.pace import Check

_T = TypeVar("_T")
MOST_PAGES = 5
FAILURES: Mapping[str, str] = {
    "fetch-timeout": "the FHIR server did not answer in time",
    "fetch-busy": "too many calls were waiting for FHIR servers already",
    "fetch-paused": "the FHIR server did not answer earlier calls and is left alone for a while",
    "fetch-refused": "the FHIR server refused access",
    "fetch-not-found": "the FHIR server does not have it",
    "fetch-failed": "the FHIR server failed or cannot be reached",
    "fetch-too-large": "the answer of the FHIR server is too large",
    "fetch-too-many": "there is more data than one call may bring",
    "fetch-redirect": "the FHIR server sent us elsewhere",
    "fetch-garbage": "the answer of the FHIR server cannot be read",
    "fetch-blocked": "the FHIR server names an address that may not be asked",
    "fetch-endless": "the answer of the FHIR server has too many pages",
    "fetch-incomplete": "the FHIR server sent less than it says there is",
    "fetch-impossible": "the patient's id cannot be used in a query",
}
"""Every reason why a section, or a part of it, could not be fetched, in words."""


class Failure(NamedTuple):
    """Why nothing was read: one of `FAILURES`."""

    reason: str


class Fetched(NamedTuple):
    """What one section came to: the entries with their word, and why not all of it could be read ("" when it was).

    Nothing was `asked` where the client sent a page whose next one may not be asked for.
    """

    delivered: Delivered
    failure: str
    asked: bool = True


class Room:
    """How many entries and bytes one call may still bring, for all its searches together."""

    def __init__(self, entries: int, most_bytes: int, sent: Sequence[Raw]) -> None:
        """`entries` at most, those `sent` with the call included; they are counted when the first page comes.

        `most_bytes` are those of the pages alone: they are held until the chart is read.
        """
        self._entries, self._sent, self._bytes = entries, sent, most_bytes
        self._left: int | None = None

    def takes(self, page: bytes) -> bool:
        """Whether a page has room, which it takes then. It is counted and not read."""
        if self._left is None:
            self._left = self._entries - entries_in(b"".join(self._sent))
        count = entries_in(page)
        if count > self._left or len(page) > self._bytes:
            return False
        self._left -= count
        self._bytes -= len(page)
        return True


@dataclass(slots=True)
class Chain:
    """The pages of one section: those read so far, the next address, and why it ended early.

    `kind` is the type of resource that each answer must be; `total` how many the server says there are.
    """

    section: Section
    next: str | None
    base: Base
    room: Room
    kind: str = "Bundle"
    pages: list[bytes] = field(default_factory=list)
    total: int = 0
    seen: set[str] = field(default_factory=set)
    failure: str = ""
    asked: bool = True

    def begin_with(self, page: bytes) -> bool:
        """Take a page that the client sent; whether it names a next one, be it one that may not be asked for."""
        self._add(page, _head(page))
        self.asked = self.next is not None
        return self.asked or bool(self.failure)

    def take(self, page: bytes) -> None:
        """Take the page that was asked for; `next` is then the following one, None at the end."""
        if self.next is not None:
            self.seen.add(self.next)
        if not self.room.takes(page):
            self.stop("fetch-too-many")
            return
        head = _head(page)
        if head.resource_type == self.kind:
            self._add(page, head)
        else:
            self.stop("fetch-garbage")

    def _add(self, page: bytes, head: "_Head") -> None:
        if not self.pages:
            self.total = _read(head.total, int, 0)
        self.pages.append(page)
        link = _next_link(head)
        self.next = below(link, self.base) if link is not None else None
        if link is not None and (self.next is None or self.next in self.seen or len(self.pages) >= MOST_PAGES):
            self.stop("fetch-blocked" if self.next is None else "fetch-endless")

    def stop(self, failure: str) -> None:
        """Read no further, for one of `FAILURES`."""
        self.next, self.failure = None, failure

    def fetched(self, check: Check) -> Fetched:
        """All pages as one answer. The links to next pages are followed: what counts is whether the end was reached.

        A page of nothing but what the matches on other pages refer to is as good as any. `check` is called between
        pages.
        """
        parts = [deliver(Raw(page), self.section, check) for page in self.pages]
        holds = any(part.word in ("ok", "partial") and part.entries for part in parts)
        good = [part for part in parts if part.word != "error" or (holds and part.beside)]
        failure = self.failure or ("fetch-garbage" if len(good) < len(parts) or not parts else "")
        entries = tuple(entry for part in good for entry in (*part.entries, *part.beside))
        if not good:
            return Fetched(Delivered("error"), failure, self.asked)
        if not failure and self.total > answers_in(entries, self.section):
            failure = "fetch-incomplete"
        word: Word = "partial" if failure else "ok" if holds else "empty"
        return Fetched(Delivered(word, entries), failure, self.asked)


class _Link(Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Head(Struct, gc=False, rename="camel"):
    resource_type: str | None = None
    link: Raw = ABSENT
    total: Raw = ABSENT


def _head(page: bytes) -> _Head:
    return _read(page, _Head, _Head())


def _next_link(head: _Head) -> str | None:
    """The address of the next page, None at the end; "" where there may be one that cannot be read."""
    raw = head.link
    links = _read(raw, list[_Link | None], []) if raw else []
    if raw and not links and bytes(raw) not in (b"null", b"[]"):
        return ""
    return next((link.url or "" for link in links if link is not None and link.relation == "next"), None)


def _read(raw: bytes | Raw, kind: type[_T], otherwise: _T) -> _T:
    """A piece of JSON as the given type, or the other value when it is something else."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return otherwise
