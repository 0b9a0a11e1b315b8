"""The three kinds of door an EHR knocks at: discovery, services, feedback."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from flask import Blueprint, Request, Response, request
from flask.globals import request_ctx

from cds_service.audit import Journal
from cds_service.caller import Caller, ClientOptions, FhirBase
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
from cds_service.pace import Pace, Turns
from cds_service.service import Answer
from cds_service.settings import Settings
from cds_service.trust.refusals import Throttled, Unauthorized, Unavailable
from cds_service.web.address import ID, STARTED, log_facts
from cds_service.web.answers import json_answer
from cds_service.web.body import Body

if TYPE_CHECKING:
    from cds_service.trust.gate import Gate

Respond = Callable[[HookRequest, Caller, Library, Journal, datetime, UUID, Pace], Answer]
TakeFeedback = Callable[[Sequence[FeedbackEntry], str, Caller, Library, Journal, datetime, Pace], None]


@dataclass(frozen=True, slots=True)
class House:
    """Everything a door leads to."""

    settings: Settings
    library: Library
    journal: Journal
    clock: Callable[[], datetime]
    respond: Respond
    take_feedback: TakeFeedback
    turns: Turns
    gate: "Gate | None" = None

    @property
    def anonymous(self) -> Caller:
        """Whoever calls in the sandbox profile without a token that tells a client."""
        options = ClientOptions(
            shows_drafts=self.settings.show_drafts,
            findings_extension=True,
            region=self.settings.region,
            service_url=self.settings.public_url,
            fhir_bases=tuple(
                FhirBase(server, private=True, plain_http=True) for server in self.settings.fhir_allowed_servers
            ),
            fhir_rules=self.settings.fhir_rules,
        )
        return Caller(self.settings.profile, options)

    def admission(self, path: str) -> "Admission":
        """Who may come in at the door at `path`."""
        if self.gate is None and self.settings.profile != "sandbox":
            raise LookupError("a production service has a gate")
        return Admission(self.gate, self.settings.public_url + path, self.clock, self._without_token())

    def pace(self, asked: Request) -> Pace:
        """The time that a request has, counted from its arrival."""
        return Pace(asked.environ[STARTED] + self.settings.call_seconds, self.turns)

    def share_of(self, caller: Caller) -> AbstractContextManager[object]:
        """Holds one of the places that this client may have at a time. Raises `Throttled` when it has them all."""
        return self.gate.share_of(caller) if self.gate is not None else nullcontext()

    def _without_token(self) -> Caller | None:
        return self.anonymous if self.settings.profile == "sandbox" else None


@dataclass(frozen=True, slots=True)
class Admission:
    """Makes out who calls at one address. `anonymous` is the caller without a token, None where one is needed."""

    gate: "Gate | None"
    audience: str
    clock: Callable[[], datetime]
    anonymous: Caller | None

    def caller(self, asked: Request, read_body: Callable[[], bytes] = bytes) -> Caller:
        """The caller of a request, named in its log line. Raises the refusals of the gate, and of `read_body`."""
        facts = log_facts(asked.environ)
        caller = self.anonymous
        if self.gate is not None:
            try:
                caller = self.gate.admit(
                    asked.environ.get("HTTP_AUTHORIZATION"), self.audience, read_body, self.clock().timestamp()
                )
            except (Unauthorized, Throttled, Unavailable) as refused:
                facts["refused"] = refused.reason if isinstance(refused, Unauthorized) else type(refused).__name__
                if caller is None:
                    raise
            else:
                if caller.repeats:
                    facts["repeat"] = True
        if caller is None:
            raise Unauthorized("header")
        facts["client"] = caller.name
        return caller


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
    admission = house.admission("/cds-services")
    caching = "no-cache" if admission.anonymous else "private, no-cache"

    def discover() -> Response:
        admission.caller(request)
        best = request.accept_mimetypes.best_match(("application/json", "text/html"), default="application/json")
        body = indented if best == "text/html" else compact
        answer = json_answer(body)
        answer.set_etag(sha256(body).hexdigest()[:32])
        answer.headers["Cache-Control"] = caching
        answer.vary.add("Accept")
        answer.make_conditional(request)
        return answer

    return discover


def discovery_body(library: Library) -> bytes:
    """The discovery answer for a library: what its cards need, asked for as prefetch."""
    services = []
    for service_id, hook in SERVICES.items():
        needs = library.needs(hook)
        tokens = library.terms.observation_tokens(needs.tests)
        services.append(describe_service(service_id, prefetch_templates(needs, tokens)))
    return discovery(services)


def _service_door(house: House, service_id: str) -> Callable[[], Response]:
    hook, settings = SERVICES[service_id], house.settings
    admission = house.admission(f"/cds-services/{service_id}")

    def call() -> Response:
        asked = request_ctx.request  # looked up once: every use of flask.request looks it up anew
        facts = log_facts(asked.environ)
        decision_id: UUID = asked.environ[ID]
        facts["service"], facts["decision_id"] = service_id, str(decision_id)
        read_body = Body(asked, settings.max_body_bytes)
        caller = admission.caller(asked, read_body)
        with house.share_of(caller):  # a body that comes slowly holds a place of its own client
            body = read_body()
            with house.pace(asked) as pace:
                read = read_request(body, hook, max_entries=settings.max_entries)
                answer = house.respond(read, caller, house.library, house.journal, house.clock(), decision_id, pace)
        facts.update(answer.summary)
        return json_answer(answer.body, answer.status)

    return call


def _feedback_door(house: House, service_id: str) -> Callable[[], Response]:
    settings = house.settings
    admission = house.admission(f"/cds-services/{service_id}/feedback")

    def feedback() -> Response:
        asked = request_ctx.request
        log_facts(asked.environ)["service"] = service_id
        read_body = Body(asked, settings.max_body_bytes)
        caller = admission.caller(asked, read_body)
        with house.share_of(caller):
            body = read_body()
            with house.pace(asked) as pace:
                entries = read_feedback(body)
            house.take_feedback(entries, service_id, caller, house.library, house.journal, house.clock(), pace)
        return Response(status=204)

    return feedback
