"""The way in: number the request, start the clock, and bring its path into the form the routes are written in."""

import re
from collections.abc import Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ID = "cds.request_id"
STARTED = "cds.started"
FACTS = "cds.log_facts"
_SLASHES = re.compile("/{2,}")


class FlaskAtPath(Flask):
    """A Flask application that stands under `base_path`, numbers every request and never redirects for a slash.

    Some clients join a discovery address that ends in a slash with "/" and the service id, and proxies may or may not
    cut off the path under which the service stands: all of these reach the same route, since many clients do not
    follow a redirect.
    """

    def __init__(self, base_path: str) -> None:
        super().__init__("cds_service", static_folder=None)
        self.url_map.strict_slashes = False
        self.url_map.merge_slashes = False
        self._base_path = base_path

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The WSGI call, with the request's number, its start and its log facts in `environ`."""
        environ[ID] = uuid4()
        environ[STARTED] = perf_counter()
        environ[FACTS] = {}
        environ["PATH_INFO"] = local_path(environ.get("PATH_INFO", "/"), self._base_path)
        return super().wsgi_app(environ, start_response)


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
