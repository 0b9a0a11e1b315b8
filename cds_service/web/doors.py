"""The three kinds of door an EHR knocks at: discovery, services, feedback."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID

import msgspec
from flask import Blueprint, Response, request

from cds_service.audit import Journal
from cds_service.caller import Caller, ClientOptions
from cds_service.hooks import (
    SERVICES,
    FeedbackEntry,
    HookRequest,
    describe_service,
    discovery,
    prefetch_templates,
    read_feedback,
    read_request,
)
from cds_service.knowledge.library import Library
from cds_service.settings import Settings
from cds_service.web.address import ID, log_facts
from cds_service.web.answers import json_answer
from cds_service.web.body import take_body

LAB_SYSTEM = "http://loinc.org"


class Answer(Protocol):
    """What the service gives back: a status, the body, and plain facts for the log line."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def body(self) -> bytes:
        """The JSON to send."""

    @property
    def summary(self) -> Mapping[str, object]:
        """Facts for the log line, such as how many cards; never a word of the chart."""


class Respond(Protocol):
    """The story of one call, as `service` tells it."""

    def __call__(
        self, request: HookRequest, caller: Caller, library: Library, journal: Journal, now: datetime, decision_id: UUID
    ) -> Answer:
        """Decide, record, answer. Raises `JournalUnavailable` when the record cannot be kept."""


class TakeFeedback(Protocol):
    """What `service` does with feedback."""

    def __call__(
        self,
        entries: Sequence[FeedbackEntry],
        service_id: str,
        caller: Caller,
        library: Library,
        journal: Journal,
        now: datetime,
    ) -> None:
        """Record the entries. Raises `JournalUnavailable` when they cannot be kept."""


@dataclass(frozen=True, slots=True)
class House:
    """Everything a door leads to."""

    settings: Settings
    library: Library
    journal: Journal
    clock: Callable[[], datetime]
    respond: Respond
    take_feedback: TakeFeedback

    @property
    def caller(self) -> Caller:
        """The one client of the sandbox profile; others come when callers are authenticated."""
        options = ClientOptions(
            shows_drafts=self.settings.show_drafts,
            findings_extension=True,
            region=self.settings.region,
            service_url=self.settings.public_url,
        )
        return Caller(self.settings.profile, options)


def hook_doors(house: House) -> Blueprint:
    """The routes of CDS Hooks; a service id that is not ours has no route, so it is never looked up anywhere."""
    doors = Blueprint("hooks", __name__)
    doors.add_url_rule("/cds-services", "discovery", _discovery_door(house), methods=["GET"])
    for service_id in SERVICES:
        doors.add_url_rule(
            f"/cds-services/{service_id}", service_id, _service_door(house, service_id), methods=["POST"]
        )
        feedback = _feedback_door(house, service_id)
        doors.add_url_rule(f"/cds-services/{service_id}/feedback", f"{service_id}-feedback", feedback, methods=["POST"])
    return doors


def _discovery_door(house: House) -> Callable[[], Response]:
    compact = discovery_body(house.library)
    indented = msgspec.json.format(compact, indent=2)

    def discover() -> Response:
        best = request.accept_mimetypes.best_match(("application/json", "text/html"), default="application/json")
        body = indented if best == "text/html" else compact
        answer = json_answer(body)
        answer.set_etag(sha256(body).hexdigest()[:32])
        answer.headers["Cache-Control"] = "no-cache"
        answer.vary.add("Accept")
        answer.make_conditional(request)
        return answer

    return discover


def discovery_body(library: Library) -> bytes:
    """The discovery answer for a library: what its cards need, asked for as prefetch."""
    services = []
    for service_id, hook in SERVICES.items():
        needs = library.needs(hook)
        codes = library.terms.lab_codes(needs.tests)
        services.append(describe_service(service_id, prefetch_templates(needs, LAB_SYSTEM, codes)))
    return discovery(services)


def _service_door(house: House, service_id: str) -> Callable[[], Response]:
    hook, caller, settings = SERVICES[service_id], house.caller, house.settings

    def call() -> Response:
        facts = log_facts(request.environ)
        decision_id: UUID = request.environ[ID]
        facts.update(service=service_id, client=caller.name, decision_id=str(decision_id))
        body = take_body(request, settings.max_body_bytes)
        hook_request = read_request(body, hook, max_entries=settings.max_entries)
        answer = house.respond(hook_request, caller, house.library, house.journal, house.clock(), decision_id)
        facts.update(answer.summary)
        return json_answer(answer.body, answer.status)

    return call


def _feedback_door(house: House, service_id: str) -> Callable[[], Response]:
    caller, settings = house.caller, house.settings

    def feedback() -> Response:
        log_facts(request.environ).update(service=service_id, client=caller.name)
        entries = read_feedback(take_body(request, settings.max_body_bytes))
        house.take_feedback(entries, service_id, caller, house.library, house.journal, house.clock())
        return Response(status=204)

    return feedback
