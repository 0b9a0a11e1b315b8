"""Is it alive, is it ready, what is it: the routes for machines and operators, and the landing page."""

import platform
from collections import Counter
from functools import cache
from html import escape
from ipaddress import ip_address

import msgspec
import yaml
from flask import Blueprint, Response, request

from cds_service import __version__
from cds_service.audit import JournalUnavailable
from cds_service.fhir.guard import guard
from cds_service.folders import openapi_file
from cds_service.hooks import SERVICES
from cds_service.settings import Settings
from cds_service.web.answers import json_answer, outcome_answer
from cds_service.web.doors import House
from cds_service.web.readiness import Readiness, Ready, Verdict

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_NOTICES = {
    "sandbox": "Sandbox: synthetic data only, not for clinical use.",
    "production": "Every call to the services needs a token of a registered client.",
}


def health_doors(house: House, ready: Ready) -> Blueprint:
    """The routes beside the hooks. Machines look at the status alone."""
    doors = Blueprint("health", __name__)
    for path in ("/livez", "/healthz"):
        doors.add_url_rule(path, path[1:], _alive, methods=["GET"])
    checks = Readiness([("journal", lambda: _journal_fault(house)), ("canary", ready)])
    doors.add_url_rule("/readyz", "readyz", lambda: _readiness(house, checks), methods=["GET"])
    doors.add_url_rule("/version", "version", lambda: json_answer(version_body(house)), methods=["GET"])
    doors.add_url_rule("/openapi.json", "openapi", lambda: json_answer(_openapi(house.settings)), methods=["GET"])
    doors.add_url_rule("/", "landing", lambda: _landing(house.settings), methods=["GET"])
    return doors


def _alive() -> Response:
    return json_answer(b'{"status":"alive"}')


def _readiness(house: House, checks: Readiness) -> Response:
    verdict = checks.verdict()
    verbose = "verbose" in request.args and (house.settings.profile == "sandbox" or _asked_here())
    if verdict.failing:
        said = "; ".join(f"{name}: {sentence}" for name, sentence in verdict.failing)
        names = ", ".join(name for name, _ in verdict.failing)
        return outcome_answer(503, f"Not ready: {said if verbose else names}.")
    details = _details(house, verdict) if verbose else {}
    return json_answer(msgspec.json.encode({"status": "ready", **details}))


def _details(house: House, verdict: Verdict) -> dict[str, object]:
    """The checks that passed, how long ago, and the state of what is reported but never makes the service unready."""
    said = [*(house.gate.state() if house.gate else ()), *guard(house.settings.fhir_rules).state()]
    checked = {"passed": ["journal", "library", "canary"], "seconds_ago": round(verdict.seconds_ago, 1)}
    return {**checked, **({"reported": said} if said else {})}


def _journal_fault(house: House) -> list[tuple[str, str]]:
    try:
        house.journal.check()
    except JournalUnavailable as error:
        return [("journal", str(error))]
    return []


def _asked_here() -> bool:
    """Whether somebody on this machine asks, and not a proxy on it for somebody else."""
    passed_on = any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "Via"))
    return not passed_on and _is_local(request.remote_addr)


def _is_local(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False


def version_body(house: House) -> bytes:
    """Which engine, which library, how many cards in which state."""
    library = house.library
    states = Counter(card.status for card in library.cards)
    return msgspec.json.encode(
        {
            "engine": __version__,
            "library": {"version": library.version, "revision": library.revision},
            "cards": {status: states[status] for status in ("active", "draft")},
            "python": platform.python_version(),
        }
    )


@cache
def _openapi(settings: Settings) -> bytes:
    description = yaml.safe_load(openapi_file().read_text(encoding="utf-8"))
    description["servers"] = [{"url": settings.public_url}]
    return msgspec.json.encode(description)


def _landing(settings: Settings) -> Response:
    base = escape(settings.public_url)
    links = "".join(
        f'<li><a href="{base}{path}">{base}{path}</a> {what}</li>'
        for path, what in (
            ("/cds-services", "discovery: paste this address into a CDS Hooks client"),
            ("/openapi.json", "every route"),
            ("/readyz?verbose", "state"),
            ("/version", "version of engine and library"),
        )
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Cramp CDS</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><h1>Cramp CDS</h1>'
        f"<p><strong>{_NOTICES[settings.profile]}</strong></p>"
        f"<ul>{links}</ul><p>Services: {', '.join(SERVICES)}.</p></body></html>"
    )
    answer = Response(page, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
