"""The shape of every answer over HTTP: JSON bodies and FHIR OperationOutcomes for whatever is no success."""

from flask import Response, request

from cds_service.hooks import Refused, operation_outcome
from cds_service.web.address import ID

JSON = "application/json"
RETRY_SECONDS = "2"

UNAVAILABLE = "The decision could not be recorded, so it is not given out; try again."
DEFECT = "The service failed to answer; the fault is ours and has been logged."


def json_answer(body: bytes, status: int = 200) -> Response:
    """A JSON body with its status."""
    return Response(body, status, content_type=JSON)


def outcome_answer(status: int, message: str, pointer: str = "") -> Response:
    """A refusal: an OperationOutcome that carries the id of this request."""
    answer = json_answer(operation_outcome(status, message, pointer, str(request.environ[ID])), status)
    if status == 503:
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def refusal(refused: Refused) -> Response:
    """The answer to a call that was refused."""
    return outcome_answer(refused.status, refused.message, refused.pointer)
