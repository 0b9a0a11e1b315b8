"""What prefetch lacks, asked of the caller's FHIR server: searches in parallel, page by page, under one time limit.

The searches are the prefetch templates, with what many clients leave out but a server understands (an include).
Nothing here raises for what a server does: every failure has a reason and leaves its section unread or partial.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from math import inf
from time import monotonic
from urllib.parse import quote

from msgspec import Raw

from cds_service.caller import ClientOptions
from cds_service.chart import Section
from cds_service.fhir.bases import Base, below, permission
from cds_service.fhir.decode import Delivered, decode_resource
from cds_service.fhir.elements import Entry
from cds_service.fhir.guard import guard
from cds_service.fhir.pages import Chain, Failure, Fetched, Room
from cds_service.fhir.references import Index, plain_reference
from cds_service.fhir.visit import MOST_AT_ONCE, Asked, Visit
from cds_service.hooks import HookRequest
from cds_service.pace import Pace

MOST_READS = 10
_TOKEN = "{{context.patientId}}"  # noqa: S105 - the place of the patient's id in a template
_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,256}")
# What a template leaves out for the sake of simple clients, and a FHIR server understands or ignores.
_MORE: Mapping[Section, str] = {
    "medications": "&_include=MedicationRequest:medication&_count=200",
    "conditions": "&_count=200",
    "allergies": "&_count=200",
}
_MEDICATION = re.compile(r"Medication/((?!\.+$)[A-Za-z0-9.-]{1,256})")


_UnderWay = dict[Future[bytes | Failure], tuple[Chain, Asked]]


@dataclass(frozen=True, slots=True)
class Source:
    """A FHIR server that one call may ask: its base, how to ask, until when (monotonic seconds), how much it may bring.

    While it waits for an answer the call gives up its turn to compute. Whatever asks raises `OutOfTime` when the time
    of the call's `pace` is over, with no question left under way. Whoever has one calls `end` when nothing more will be
    asked.
    """

    base: Base
    patient_id: str
    templates: Mapping[str, str]
    visit: Visit
    until: float
    room: Room
    pace: Pace

    def end(self) -> None:
        """Nothing more will be asked."""
        self.visit.end()

    def complete(self, delivered: Mapping[Section, Delivered], sent: Mapping[str, Raw]) -> dict[Section, Fetched]:
        """Every section that prefetch did not satisfy. Sections that it did are not here, and cost nothing."""
        chains = {section: chain for section in delivered if (chain := self._chain(section, delivered, sent))}
        self._follow(chains.values())
        return {section: chain.fetched(self.pace.check) for section, chain in chains.items()}

    def medications(self, orders: Iterable[Entry], held: Iterable[Entry], *, unnamed_only: bool) -> tuple[Entry, ...]:
        """The Medication resources that orders point to and that are not `held`, read one by one, in parallel.

        With `unnamed_only` just those that have no name beside the reference. One that cannot be read is left out.
        """
        wanted = [*_unread(orders, held, self.base, unnamed_only=unnamed_only)][:MOST_READS]
        chains = [
            Chain("medications", below(f"Medication/{name}", self.base), self.base, self.room, "Medication")
            for name in wanted
        ]
        self._follow(chains)
        return tuple(
            entry
            for name, chain in zip(wanted, chains, strict=True)
            for entry in [_medication(chain.pages, name, self.base)]
            if entry is not None
        )

    def _chain(self, section: Section, delivered: Mapping[Section, Delivered], sent: Mapping[str, Raw]) -> Chain | None:
        """What is to be asked for one section, None when nothing is."""
        word = delivered[section].word
        chain = Chain(section, None, self.base, self.room, "Patient" if section == "patient" else "Bundle")
        if word in ("absent", "error"):
            chain.next = self._first(section)
            chain.failure = "" if chain.next else "fetch-impossible"
            return chain
        return chain if word == "partial" and chain.begin_with(bytes(sent[section])) else None

    def _first(self, section: Section) -> str | None:
        template = self.templates.get(section)
        if template is None or not _ID.fullmatch(self.patient_id):
            return None
        path, mark, query = (template + _MORE.get(section, "")).partition("?")
        own = quote(self.patient_id, safe="")
        written = path.replace(_TOKEN, own) + mark + quote(query.replace(_TOKEN, own), safe="=&:/,.-_")
        return f"{self.base.url}/{written}"

    def _follow(self, chains: Iterable[Chain]) -> None:
        """Ask for the first pages at once and for each next one as soon as it is known, until the time is over."""
        waiting = deque(chain for chain in chains if chain.next is not None)
        under_way: _UnderWay = {}
        try:
            while waiting or under_way:
                while waiting and len(under_way) < MOST_AT_ONCE:
                    self._go_on(waiting.popleft(), under_way)
                done = self._answered(under_way)
                if not done:
                    break
                for future in done:
                    self.pace.check()
                    chain, _ = under_way.pop(future)
                    found = future.result()
                    if isinstance(found, Failure):
                        chain.stop(found.reason)
                    else:
                        chain.take(found)
                    self._go_on(chain, under_way)
        finally:
            for _, asked in under_way.values():
                asked.cut()
        for chain in (*waiting, *(chain for chain, _ in under_way.values())):
            chain.stop("fetch-timeout")

    def _answered(self, under_way: _UnderWay) -> list[Future[bytes | Failure]]:
        """The questions that are answered, at least one while there is time; others may compute until then."""
        if not any(future.done() for future in under_way):
            with self.pace.waiting():
                wait(under_way, timeout=max(self.until - monotonic(), 0), return_when=FIRST_COMPLETED)
        return [future for future in under_way if future.done()]

    def _go_on(self, chain: Chain, under_way: _UnderWay) -> None:
        if chain.next is not None:
            asked = self.visit.ask(chain.next)
            under_way[asked.answer] = chain, asked


def fhir_source(
    request: HookRequest,
    options: ClientOptions,
    templates: Callable[[], Mapping[str, str]],
    client: str = "",
    until: float = inf,
    pace: Pace | None = None,
) -> Source | None:
    """How to ask the caller's FHIR server: None without a token, or when the client may not name that server.

    `client` is the registered name of the caller; `until` (monotonic seconds) the end of the questions, where that
    leaves less time than the rules do; `pace` that of the call.
    """
    if request.fhir_server is None or request.access_token is None:
        return None
    allowed = permission(request.fhir_server, options.fhir_bases)
    if allowed is None:
        return None
    rules = options.fhir_rules
    until = min(until, monotonic() + rules.seconds)
    visit = Visit(allowed, request.access_token, until, client, rules, guard(rules))
    sent = [*request.prefetch.values(), *([request.draft_orders] if request.draft_orders is not None else [])]
    room = Room(rules.entries, rules.bytes, sent)
    return Source(allowed.base, request.patient_id, templates(), visit, until, room, pace or Pace())


def may_ask(server: str, options: ClientOptions) -> bool:
    """Whether a client may name this FHIR server."""
    return permission(server, options.fhir_bases) is not None


def _unread(orders: Iterable[Entry], held: Iterable[Entry], base: Base, *, unnamed_only: bool) -> dict[str, None]:
    """The ids of the Medications below the base that orders point to and that are not held."""
    index = Index(lambda: held)
    found: dict[str, None] = {}
    for entry in orders:
        resource = entry.resource
        pointer = resource.medication_reference if resource is not None else None
        if pointer is None or not pointer.reference or (unnamed_only and pointer.display):
            continue
        match = _MEDICATION.fullmatch(plain_reference(pointer.reference).removeprefix(base.url + "/"))
        if match and index.resolve(pointer, resource) is None:
            found[match[1]] = None
    return found


def _medication(pages: list[bytes], name: str, base: Base) -> Entry | None:
    """The Medication that was asked for, nothing else."""
    entry = decode_resource(Raw(pages[0])) if pages else None
    resource = entry.resource if entry is not None else None
    if entry is None or resource is None or resource.resource_type != "Medication" or resource.id != name:
        return None
    entry.full_url = f"{base.url}/Medication/{name}"
    return entry
