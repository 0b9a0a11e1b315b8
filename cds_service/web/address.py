"""The way in: number the request, start the clock, count it, and bring its path into the form of the routes."""

import re
from collections.abc import Iterable
from threading import Semaphore
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ID = "cds.request_id"
STARTED = "cds.started"
FACTS = "cds.log_facts"
HAS_PLACE = "cds.has_place"
HOOK_PATHS = "/cds-services"
_SLASHES = re.compile("/{2,}")


class NoSessions(SessionInterface):
    """Nobody has a session here; Flask would look for one in each request."""

    def __init__(self) -> None:
        self._none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """The one session that holds nothing and takes nothing."""
        return self._none


class FlaskAtPath(Flask):
    """A Flask application that stands under `base_path`, numbers every request and never redirects for a slash.

    Some clients join a discovery address that ends in a slash with "/" and the service id, and proxies may or may not
    cut off the path under which the service stands: all of these reach the same route, since many clients do not
    follow a redirect.

    At most `places` requests to the hook routes are worked on at a time. One more is not kept waiting: it runs with
    `HAS_PLACE` false in its `environ`, and whoever answers must refuse it. The other routes need no place, and
    neither does a preflight.
    """

    def __init__(self, base_path: str, places: int) -> None:
        super().__init__("cds_service", static_folder=None)
        self.url_map.strict_slashes = False
        self.url_map.merge_slashes = False
        self._base_path = base_path
        self._places = Semaphore(places)

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The WSGI call, with the request's number, start, log facts, and whether it has a place, in `environ`."""
        environ[ID] = uuid4()
        environ[STARTED] = monotonic()
        environ[FACTS] = {}
        path = environ["PATH_INFO"] = local_path(environ.get("PATH_INFO", "/"), self._base_path)
        if not path.startswith(HOOK_PATHS) or environ["REQUEST_METHOD"] == "OPTIONS":
            environ[HAS_PLACE] = True
            return super().wsgi_app(environ, start_response)
        environ[HAS_PLACE] = has_place = self._places.acquire(blocking=False)
        try:
            return super().wsgi_app(environ, start_response)  # answers are whole when this returns, none is streamed
        finally:
            if has_place:
                self._places.release()


def local_path(path: str, base_path: str) -> str:
    """The path with double slashes folded and `base_path` cut off where it is there."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    if base_path and (path == base_path or path.startswith(base_path + "/")):
        path = path[len(base_path) :] or "/"
    return path


def log_facts(environ: dict[str, Any]) -> dict[str, object]:
    """What this request wants said in its log line."""
    facts: dict[str, object] = environ[FACTS]
    return facts
