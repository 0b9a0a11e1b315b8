"""The Flask application: doors, errors that are sentences, CORS, and one log line for each request."""

from collections.abc import Callable
from datetime import datetime
from time import perf_counter

from flask import Flask, Response, request
from flask_cors import CORS
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from cds_service.audit import Journal, JournalUnavailable
from cds_service.hooks import Refused
from cds_service.knowledge.library import Library
from cds_service.settings import Settings
from cds_service.web.address import ID, STARTED, FlaskAtPath, log_facts
from cds_service.web.answers import DEFECT, UNAVAILABLE, outcome_answer, refusal
from cds_service.web.doors import House, Respond, TakeFeedback, hook_doors
from cds_service.web.health import Ready, health_doors
from cds_service.web.log import Log, crash_facts, make_log

_HOOK_PATHS = "/cds-services"
_QUIET = {"/livez", "/readyz", "/healthz"}


def create_app(
    settings: Settings,
    library: Library,
    journal: Journal,
    clock: Callable[[], datetime],
    respond: Respond,
    take_feedback: TakeFeedback,
    ready: Ready = tuple,
) -> Flask:
    """The service as a WSGI application. `ready` names the checks that fail now, beyond the journal."""
    app = FlaskAtPath(settings.base_path)
    house = House(settings, library, journal, clock, respond, take_feedback)
    app.register_blueprint(hook_doors(house))
    app.register_blueprint(health_doors(house, ready))
    log = make_log(settings)
    _answer_errors(app, log)
    app.after_request(_finish(log, settings))
    _allow_origins(app, settings)
    return app


def _answer_errors(app: Flask, log: Log) -> None:
    app.register_error_handler(Refused, refusal)

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
        return f"The method {request.method} is not allowed here; allowed is {allowed}."
    return f"The request cannot be answered: {error.name}."


def _finish(log: Log, settings: Settings) -> Callable[[Response], Response]:
    some_origins = settings.cors_origins not in ((), ("*",))

    def finish(answer: Response) -> Response:
        environ = request.environ
        headers = answer.headers
        headers["X-Request-Id"] = str(environ[ID])
        headers["X-Content-Type-Options"] = "nosniff"
        if request.method == "POST" or answer.status_code >= 400:
            headers["Cache-Control"] = "no-store"
        if some_origins and request.path.startswith(_HOOK_PATHS):
            answer.vary.add("Origin")
        write = log.debug if request.path in _QUIET else log.info
        write(
            "request",
            request_id=str(environ[ID]),
            method=request.method,
            route=request.url_rule.rule if request.url_rule else None,
            status=answer.status_code,
            ms=round((perf_counter() - environ[STARTED]) * 1000, 2),
            **log_facts(environ),
        )
        return answer

    return finish


def _allow_origins(app: Flask, settings: Settings) -> None:
    """Browsers may call the hook routes from the origins set; never with credentials, errors included."""
    if not settings.cors_origins:
        return
    everybody = settings.cors_origins == ("*",)
    CORS(
        app,
        resources={rf"^{_HOOK_PATHS}(/.*)?$": {"origins": "*" if everybody else list(settings.cors_origins)}},
        send_wildcard=everybody,
        methods=["GET", "POST", "OPTIONS"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["X-Request-Id", "Retry-After"],
        max_age=600,
    )
