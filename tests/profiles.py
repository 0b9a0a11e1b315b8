"""The same service in both profiles: what a test asks of one, it can ask of the other.

In production every call needs a token. The application given here signs one for each call that brings none, as a
registered client in validation mode (`shows_drafts: true`) would, so that a test need not know which profile it is in.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask

from cds_service import service
from cds_service.audit import Journal
from cds_service.knowledge.library import Library
from cds_service.settings import Settings
from cds_service.trust.gate import Gate, open_gate
from cds_service.trust.minting import key_set
from cds_service.trust.starting import check_start
from cds_service.web.app import create_app
from tests.trust.issuing import BASE, ISSUER, key_pair, sign, write_clients

PROFILES = ("sandbox", "production")
# The cheapest algorithm: the rules for the others are tested in tests/trust.
ALGORITHM = "ES256"
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class SignedCalls:
    """Puts a new token, made out to the address called, on every call that has no Authorization header."""

    application: Wsgi
    clock: Callable[[], datetime]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith("/cds-services") and "HTTP_AUTHORIZATION" not in environ:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.token(path.rstrip('/'))}"
        return self.application(environ, start_response)

    def token(self, path: str) -> str:
        now = int(self.clock().timestamp())
        claims = {"iss": ISSUER, "aud": BASE + path, "iat": now, "exp": now + 300, "jti": str(uuid4())}
        return sign(claims, key_pair(ALGORITHM))


@dataclass
class Opened:
    """An application with what must be closed after it."""

    app: Flask
    folder: Path
    journal: Journal
    gate: Gate | None

    def close(self) -> None:
        self.journal.close()
        if self.gate:
            self.gate.close()


def open_application(
    profile: str,
    folder: Path,
    library: Library,
    clock: Callable[[], datetime],
    journal: Journal | None = None,
    client: Mapping[str, object] | None = None,
    **environ: str,
) -> Opened:
    """The real service in a profile: real cards, a journal in `folder`, callers let in by the rules of production."""
    given = {"CDS_DATA_DIR": str(folder)}
    if profile == "production":
        given |= {
            "CDS_PROFILE": "production",
            "CDS_BASE_URL": BASE,
            "CDS_CLIENTS_FILE": str(write_clients(folder, client or _validating())),
            "CDS_REPLAY_STORE": "memory",
        }
    settings = Settings.load({**given, **environ})
    gate = None
    if profile == "production":
        check_start(settings, library)
        gate = open_gate(settings, clock().timestamp())
    journal = journal or Journal(folder)
    app = create_app(
        settings, library, journal, clock, service.respond, service.take_feedback,
        lambda: service.failing_checks(library, clock()), gate,
    )  # fmt: skip
    if gate:
        app.wsgi_app = SignedCalls(app.wsgi_app, clock)  # type: ignore[method-assign]  # Flask's own way to wrap it
    return Opened(app, folder, journal, gate)


def _validating() -> dict[str, object]:
    return {
        "algorithms": [ALGORITHM],
        "jwks": key_set(key_pair(ALGORITHM)),
        "shows_drafts": True,
        "findings_extension": True,
        "rate_per_minute": 100_000,
    }
