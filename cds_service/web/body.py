"""Taking the body of a POST: the right kind, and not more of it than allowed."""

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from cds_service.hooks import Refused

MEDIA_TYPES = ("application/json", "application/fhir+json", "application/json+fhir")


def take_body(request: Request, limit: int) -> bytes:
    """The bytes of the body. Raises `Refused`: 415 for another media type or a compressed body, 413 above `limit`.

    A length that is announced is judged before anything is read, an unannounced one (chunked) while reading.
    """
    if request.mimetype not in MEDIA_TYPES:
        found = "missing" if not request.mimetype else "not JSON"
        raise Refused(415, f"Content-Type is {found}; application/json is required.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "Content-Encoding is set; send the body uncompressed.")
    too_large = Refused(413, f"The body is too large; allowed are {limit} bytes.")
    # One byte more than allowed: reading stops there without a word, and the length then tells.
    request.max_content_length = limit + 1
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise too_large from None
    except ClientDisconnected:
        raise Refused(400, "The body ended before its announced length.") from None
    if len(body) > limit:
        raise too_large
    return body
