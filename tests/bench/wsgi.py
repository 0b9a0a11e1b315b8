"""Calling a WSGI application in this process, without a socket."""

from collections.abc import Callable
from io import BytesIO
from typing import Any
from wsgiref.types import WSGIApplication

PATH = "/cds-services/cramp-order-select"


def _unwritten(piece: bytes) -> None:
    """WSGI's old way to answer, which nothing here takes."""
    raise NotImplementedError


def caller(app: WSGIApplication, path: str = PATH) -> Callable[[bytes], bytes]:
    """A function that posts a body to the application and gives the body of the answer. Raises when it is no success."""
    base: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "HTTP_HOST": "127.0.0.1:8080",
        "HTTP_ACCEPT": "application/json",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.errors": BytesIO(),
    }

    def post(body: bytes) -> bytes:
        status: list[str] = []

        def start(line: str, headers: list[tuple[str, str]], fault: object = None, /) -> Callable[[bytes], object]:
            status.append(line)
            return _unwritten

        environ = {**base, "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        held = app(environ, start)
        answer = b"".join(held)
        if hasattr(held, "close"):
            held.close()
        if not status[0].startswith("200"):
            raise RuntimeError(f"{path} answered {status[0]}: {answer[:300]!r}")
        return answer

    return post
