"""The body of every refusal: a FHIR R4 OperationOutcome without internals."""

import msgspec

# http://hl7.org/fhir/R4/valueset-issue-type.html
_ISSUE_TYPES = {
    400: "invalid",
    401: "login",
    404: "not-found",
    405: "not-supported",
    412: "required",
    413: "too-long",
    415: "not-supported",
    429: "throttled",
    503: "transient",
}
_encode = msgspec.json.Encoder().encode


def operation_outcome(status: int, message: str, pointer: str = "", request_id: str = "") -> bytes:
    """One issue whose `diagnostics` says what was found and what is allowed, where in the body, and which request."""
    where = f" At {pointer}." if pointer else ""
    which = f" Request {request_id}." if request_id else ""
    issue = {
        "severity": "error",
        "code": _ISSUE_TYPES.get(status, "exception" if status >= 500 else "processing"),
        "diagnostics": f"{message}{where}{which}",
    }
    return _encode({"resourceType": "OperationOutcome", "issue": [issue]})
