"""The shape of every answer over HTTP: JSON bodies and FHIR OperationOutcomes for whatever is no success."""

from http import HTTPMethod

from flask import Request, Response, request

from cds_service.hooks import Refused, operation_outcome
from cds_service.web.address import ID

JSON = "application/json"
RETRY_SECONDS = "2"

UNAVAILABLE = "The decision could not be recorded, so it is not given out; try again."
NOT_CHECKED = "Callers cannot be checked at the moment; try again."
OUT_OF_TIME = "The decision would have come too late, so there is none: nothing was checked. Send less, or try again."
OVERLOADED = "The service is working on as many calls as it takes at a time; try again."
TOO_OFTEN = "This client calls too often; try again later."
# The same bytes whatever is wrong with a token, so that nobody learns which check failed.
UNAUTHORIZED = operation_outcome(401, "This call carries no valid token.")
DEFECT = "The service failed to answer; the fault is ours and has been logged."


def method_said(asked: Request) -> str:
    """The method of a request where it is one of HTTP's; another word is the caller's own and not repeated."""
    return asked.method if asked.method in HTTPMethod.__members__ else "OTHER"


def json_answer(body: bytes, status: int = 200) -> Response:
    """A JSON body with its status."""
    return Response(body, status, content_type=JSON)


def outcome_answer(status: int, message: str, pointer: str = "") -> Response:
    """A refusal: an OperationOutcome that carries the id of this request."""
    answer = json_answer(operation_outcome(status, message, pointer, str(request.environ[ID])), status)
    if status == 503:
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def unauthorized_answer() -> Response:
    """The one answer to every call without a valid token."""
    answer = json_answer(UNAUTHORIZED, 401)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def throttled_answer(seconds: int) -> Response:
    """The answer to a client that calls too often."""
    answer = outcome_answer(429, TOO_OFTEN)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def refusal(refused: Refused) -> Response:
    """The answer to a call that was refused."""
    return outcome_answer(refused.status, refused.message, refused.pointer)
