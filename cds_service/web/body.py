"""Taking the body of a POST: the right kind, and not more of it than allowed."""

from typing import BinaryIO

from flask import Request

from cds_service.hooks import Refused

MEDIA_TYPES = ("application/json", "application/fhir+json", "application/json+fhir")


class Body:
    """The body of one request, taken when it is first asked for; raises what `take_body` raises."""

    __slots__ = ("_limit", "_request", "_taken")

    def __init__(self, request: Request, limit: int) -> None:
        self._request, self._limit = request, limit
        self._taken: bytes | None = None

    def __call__(self) -> bytes:
        """The bytes of the body."""
        if self._taken is None:
            self._taken = take_body(self._request, self._limit)
        return self._taken


def take_body(request: Request, limit: int) -> bytes:
    """The bytes of the body. Raises `Refused`: 415 for another media type or a compressed body, 413 above `limit`.

    A length that is announced is judged before anything is read, an unannounced one (chunked) while reading. The
    server's own stream is read directly: the layers around it cost more than the rest of the request's routing.
    """
    if request.mimetype not in MEDIA_TYPES:
        found = "missing" if not request.mimetype else "not JSON"
        raise Refused(415, f"Content-Type is {found}; application/json is required.")
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise Refused(415, "Content-Encoding is set; send the body uncompressed.")
    announced = request.content_length
    if announced is not None and announced > limit:
        raise _too_large(limit)
    if announced is None and "wsgi.input_terminated" not in request.environ:
        return b""  # nothing says where the body would end
    body = _read(request.environ["wsgi.input"], limit + 1 if announced is None else announced)
    if len(body) > limit:
        raise _too_large(limit)
    if announced is not None and len(body) < announced:
        raise Refused(400, "The body ended before its announced length.")
    return body


def _read(stream: BinaryIO, most: int) -> bytes:
    """Up to `most` bytes; a stream may give less at a time than asked for."""
    body = stream.read(most)
    if len(body) in (0, most):
        return body
    gathered = bytearray(body)  # grows in place: thousands of small pieces are not copied again and again
    while len(gathered) < most and (more := stream.read(most - len(gathered))):
        gathered += more
    return bytes(gathered)


def _too_large(limit: int) -> Refused:
    return Refused(413, f"The body is too large; allowed are {limit} bytes.")
