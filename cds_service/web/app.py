"""The Flask application: doors, errors that are sentences, CORS, and one log line for each request."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from flask.globals import request_ctx
from flask_cors import CORS
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from cds_service.audit import Journal, JournalUnavailable
from cds_service.hooks import Refused
from cds_service.knowledge.library import Library
from cds_service.pace import OutOfTime, Turns
from cds_service.settings import Settings
from cds_service.trust.refusals import Throttled, Unauthorized, Unavailable
from cds_service.web.address import HAS_PLACE, HOOK_PATHS, ID, STARTED, FlaskAtPath, NoSessions, log_facts
from cds_service.web.answers import (
    DEFECT,
    NOT_CHECKED,
    OUT_OF_TIME,
    OVERLOADED,
    UNAVAILABLE,
    method_said,
    outcome_answer,
    refusal,
    throttled_answer,
    unauthorized_answer,
)
from cds_service.web.doors import House, Respond, TakeFeedback, hook_doors
from cds_service.web.health import health_doors
from cds_service.web.log import Log, crash_facts, make_log
from cds_service.web.readiness import Ready

if TYPE_CHECKING:
    from cds_service.trust.gate import Gate

_QUIET = {"/livez", "/readyz", "/healthz"}


def create_app(
    settings: Settings,
    library: Library,
    journal: Journal,
    clock: Callable[[], datetime],
    respond: Respond,
    take_feedback: TakeFeedback,
    ready: Ready = tuple,
    gate: "Gate | None" = None,
) -> Flask:
    """The service as a WSGI application. `ready` names the checks that fail now, beyond the journal.

    Without a `gate` nobody is asked for a token, which only the sandbox profile allows.
    """
    app = FlaskAtPath(settings.base_path, settings.max_in_flight)
    app.session_interface = NoSessions()
    turns = Turns(settings.max_computing)
    house = House(settings, library, journal, clock, respond, take_feedback, turns, gate)
    origins = allowed_origins(settings, gate)
    app.register_blueprint(hook_doors(house))
    app.register_blueprint(health_doors(house, ready))
    log = make_log(settings)
    _answer_errors(app, log)
    _answer_callers(app)
    app.after_request(_finish(log, origins))
    _allow_origins(app, origins)
    return app


def _answer_callers(app: Flask) -> None:
    """Who is turned away before the body was looked at."""
    app.before_request(_refuse_without_place)
    app.register_error_handler(Unauthorized, lambda _: unauthorized_answer())
    app.register_error_handler(Unavailable, lambda _: outcome_answer(503, NOT_CHECKED))

    @app.errorhandler(Throttled)
    def throttled(refused: Throttled) -> Response:
        log_facts(request.environ)["client"] = refused.client
        return throttled_answer(refused.seconds)


def _refuse_without_place() -> Response | None:
    """The answer, at once, to a call that came while as many as are taken at a time were being worked on."""
    environ = request.environ
    if environ[HAS_PLACE]:
        return None
    log_facts(environ)["refused"] = "Overloaded"
    return outcome_answer(503, OVERLOADED)


def allowed_origins(settings: Settings, gate: "Gate | None") -> tuple[str, ...]:
    """The origins whose pages may call: those set and those of the clients; in the sandbox everybody by default."""
    if settings.profile == "sandbox" and settings.cors_origins == ("*",):
        return settings.cors_origins
    named = set(settings.cors_origins) - {"*"}
    return tuple(sorted(named | set(gate.clients.cors_origins if gate else ())))


def _answer_errors(app: Flask, log: Log) -> None:
    app.register_error_handler(Refused, refusal)

    @app.errorhandler(OutOfTime)
    def out_of_time(_: OutOfTime) -> Response:
        log_facts(request.environ)["refused"] = "OutOfTime"
        return outcome_answer(503, OUT_OF_TIME)

    @app.errorhandler(JournalUnavailable)
    def unavailable(error: JournalUnavailable) -> Response:
        log.error("journal unavailable", request_id=str(request.environ[ID]), **crash_facts(error))
        return outcome_answer(503, UNAVAILABLE)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        answer = outcome_answer(error.code or 500, _sentence(error))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer

    @app.errorhandler(Exception)
    def crash(error: Exception) -> Response:
        log.error("crash", request_id=str(request.environ[ID]), **crash_facts(error))
        return outcome_answer(500, DEFECT)


def _sentence(error: HTTPException) -> str:
    if error.code == 404:
        return "There is nothing at this address; discovery is at /cds-services."
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return f"The method {method_said(request)} is not allowed here; allowed is {allowed}."
    return f"The request cannot be answered: {error.name}."


def _finish(log: Log, origins: tuple[str, ...]) -> Callable[[Response], Response]:
    some_origins = origins not in ((), ("*",))

    def finish(answer: Response) -> Response:
        current = request_ctx.request  # looked up once: every use of flask.request looks it up anew
        environ = current.environ
        headers = answer.headers
        number = str(environ[ID])
        headers.add("X-Request-Id", number)
        headers.add("X-Content-Type-Options", "nosniff")
        if current.method == "POST" or answer.status_code >= 400:
            headers["Cache-Control"] = "no-store"
        if some_origins and current.path.startswith(HOOK_PATHS):
            answer.vary.add("Origin")
        write = log.debug if current.path in _QUIET else log.info
        write(
            "request",
            request_id=number,
            method=method_said(current),
            route=current.url_rule.rule if current.url_rule else None,
            status=answer.status_code,
            ms=round((monotonic() - environ[STARTED]) * 1000, 2),
            **log_facts(environ),
        )
        return answer

    return finish


def _allow_origins(app: Flask, origins: tuple[str, ...]) -> None:
    """Browsers may call the hook routes from the origins set; never with credentials, errors included."""
    if not origins:
        return
    everybody = origins == ("*",)
    CORS(
        app,
        resources={rf"^{HOOK_PATHS}(/.*)?$": {"origins": "*" if everybody else list(origins)}},
        send_wildcard=everybody,
        methods=["GET", "POST", "OPTIONS"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["X-Request-Id", "Retry-After"],
        max_age=600,
    )
