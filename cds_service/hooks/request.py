"""One hook call as it came: a tolerant reader that refuses only what is no call at all.

What is refused, with which status, and what is accepted with a note: specification CDS Hooks 2.0.1 "HTTP Request" and
the table in docs/integrating.md. FHIR content is not read here: `prefetch` and `draftOrders` stay JSON as sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from cds_service.hooks.discovery import Hook
from cds_service.hooks.refused import Refused, kind_of, quoted
from cds_service.hooks.strict_json import check_depth, read_strict

MAX_ENTRIES = 20_000
_OBJECTS_PER_ENTRY = 25
_UUID = re.compile(r"(?:urn:uuid:)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# RFC 6750: a token that can stand in a header as it is.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")
_USER = re.compile(r"(?:Practitioner|PractitionerRole|Patient|RelatedPerson)/[^/\s]+")
_PREFETCH_MEMBER = re.compile(rb'"prefetch"[ \t\r\n]*:[ \t\r\n]*\{')
_PREFETCH_KEY = re.compile(rb'[ \t\r\n]*,?[ \t\r\n]*"(?:[^"\\]|\\.)*+"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_PREFETCH_END = re.compile(rb"[ \t\r\n]*\}")

NOTE_INSTANCE = "hookInstance is not a UUID"
NOTE_USER = "userId is not a relative reference to a kind of user"
NOTE_PATIENT = "patientId is longer than 64 characters"
NOTE_ENCOUNTER = "encounterId is not a string"
NOTE_SELECTION = "selection instead of selections"
NOTE_SELECTIONS = "selections missing"
NOTE_SERVER = "fhirServer is unusable"
NOTE_ACCESS = "fhirAuthorization gives no access"

Members = dict[str, object]


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A hook call. `draft_orders` and `prefetch` are JSON exactly as sent (a value may be `b"null"`).

    `selections` is None when the client sent none, which is not the same as an empty list. `notes` are fixed words on
    deviations that were accepted; they hold no patient data. Duplicate member names inside `prefetch` values are not
    looked for: there the last one counts. `access_token` lives as long as the call: it is never written anywhere.
    """

    hook: Hook
    hook_instance: str
    patient_id: str
    user_id: str
    encounter_id: str
    selections: tuple[str, ...] | None
    draft_orders: msgspec.Raw | None
    prefetch: Mapping[str, msgspec.Raw]
    fhir_server: str | None
    notes: tuple[str, ...]
    access_token: str | None = field(default=None, repr=False)


class _Context(msgspec.Struct, gc=False, rename="camel"):
    draft_orders: msgspec.Raw = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct, gc=False):
    context: msgspec.Raw = msgspec.Raw(b"null")
    prefetch: dict[str, msgspec.Raw] | None = None


_NO_PIECES = _Envelope(msgspec.Raw(b"{}"))
_read_envelope = msgspec.json.Decoder(_Envelope).decode
_read_context = msgspec.json.Decoder(_Context).decode


def read_request(body: bytes, hook: Hook, *, max_depth: int = 64, max_entries: int = MAX_ENTRIES) -> HookRequest:
    """Read the body of a call to the service for `hook`.

    Raises `Refused`: 400 with the member's JSON Pointer when it is not a call, 413 when it has too many entries.
    """
    _check_size(body, max_entries)
    envelope, members = _open(body, max_depth)
    notes: list[str] = []
    _check_hook(members, hook)
    instance = _instance(members, notes)
    context = _object_at(members, "context", "/context")
    patient_id = _patient(context, notes)
    user_id = _user(context, notes)
    server = _fhir_server(members, patient_id, notes)
    return HookRequest(
        hook=hook,
        hook_instance=instance,
        patient_id=patient_id,
        user_id=user_id,
        encounter_id=_encounter(context, notes),
        selections=_selections(context, notes) if hook == "order-select" else None,
        draft_orders=_draft_orders(context, envelope) if hook.startswith("order-") else None,
        prefetch=_prefetch(members, envelope),
        fhir_server=server,
        notes=tuple(notes),
        access_token=_access_token(members) if server else None,
    )


def entries_in(text: bytes) -> int:
    """How many entries a JSON text counts for, unread: its members `resource`, or 1 for 25 objects if that is more."""
    return max(text.count(b'"resource"'), -(-text.count(b"{") // _OBJECTS_PER_ENTRY))


def _check_size(body: bytes, max_entries: int) -> None:
    if len(body) < 16 * max_entries:
        return
    if entries_in(body) > max_entries:
        raise Refused(413, f"The body has too many entries; allowed are {max_entries}.")


def _open(body: bytes, max_depth: int) -> tuple[_Envelope, Members]:
    """The pieces that stay as sent, and everything outside `prefetch`, read strictly."""
    try:
        envelope = _read_envelope(body)
        if not body.isascii():
            body.decode()
        check_depth(body, max_depth)
        members = read_strict(_without_prefetch(body, envelope.prefetch))
    except (msgspec.DecodeError, ValueError, RecursionError):
        members = read_strict(body)
        if isinstance(members, dict) and not isinstance(members.get("prefetch"), dict | None):
            return _NO_PIECES, members  # refused in its turn
        if isinstance(members, dict):  # the two decoders disagree: nothing that we may trust
            raise Refused(400, "The body is not JSON that can be read.") from None
    if not isinstance(members, dict):
        raise Refused(400, f"The body must be a JSON object; found {kind_of(members)}.")
    return envelope, members


def _without_prefetch(body: bytes, prefetch: Mapping[str, msgspec.Raw] | None) -> bytes:
    """The body with `null` for the value of `prefetch`; the whole body where that value cannot be found by its name."""
    for found in _PREFETCH_MEMBER.finditer(body) if prefetch else ():
        end = _end_of_prefetch(body, found.end(), prefetch or {})
        if end is not None:
            return body[: found.end() - 1] + b"null" + body[end:]
    return body


def _end_of_prefetch(body: bytes, at: int, prefetch: Mapping[str, msgspec.Raw]) -> int | None:
    """Where the object ends that begins before `at` and holds these values in this order; None if it does not."""
    for value in prefetch.values():
        name, sent = _PREFETCH_KEY.match(body, at), memoryview(value)
        if name is None or not body.startswith(sent, name.end()):
            return None
        at = name.end() + len(sent)
    closed = _PREFETCH_END.match(body, at)
    return closed.end() if closed else None


def _check_hook(members: Members, hook: str) -> None:
    found = _text_at(members, "hook", "/hook")
    if found != hook:
        raise Refused(400, f'hook is {quoted(found)}; this service answers only "{hook}".', "/hook")


def _text_at(members: Members, name: str, pointer: str) -> str:
    """A member that must be there and be a string with something in it."""
    if name not in members:
        raise Refused(400, f"{name} is missing; a string is required.", pointer)
    found = members[name]
    if not isinstance(found, str) or not found.strip():
        raise Refused(400, f"{name} is {kind_of(found)}; a string that is not empty is required.", pointer)
    return found


def _object_at(members: Members, name: str, pointer: str) -> Members:
    if name not in members:
        raise Refused(400, f"{name} is missing; an object is required.", pointer)
    found = members[name]
    if not isinstance(found, dict):
        raise Refused(400, f"{name} is {kind_of(found)}; an object is required.", pointer)
    return found


def _instance(members: Members, notes: list[str]) -> str:
    instance = _text_at(members, "hookInstance", "/hookInstance")
    if not _UUID.fullmatch(instance):
        notes.append(NOTE_INSTANCE)
    return instance


def _patient(context: Members, notes: list[str]) -> str:
    patient_id = _text_at(context, "patientId", "/context/patientId")
    if len(patient_id) > 64:
        notes.append(NOTE_PATIENT)
    return patient_id


def _user(context: Members, notes: list[str]) -> str:
    pointer = "/context/userId"
    if "userId" not in context:
        raise Refused(400, "userId is missing; a string is required.", pointer)
    user_id = context["userId"]
    if not isinstance(user_id, str):
        raise Refused(400, f"userId is {kind_of(user_id)}; a string is required.", pointer)
    if not _USER.fullmatch(user_id):
        notes.append(NOTE_USER)
    return user_id


def _encounter(context: Members, notes: list[str]) -> str:
    found = context.get("encounterId")
    if isinstance(found, str):
        return found
    if found is not None:
        notes.append(NOTE_ENCOUNTER)
    return ""


def _selections(context: Members, notes: list[str]) -> tuple[str, ...] | None:
    """The selected drafts; the old single `selection` counts as a list of one."""
    found = context.get("selections")
    if found is None:
        old = context.get("selection")
        notes.append(NOTE_SELECTION if isinstance(old, str) and old else NOTE_SELECTIONS)
        return (old,) if isinstance(old, str) and old else None
    if not isinstance(found, list):
        raise Refused(400, f"selections is {kind_of(found)}; an array of strings is required.", "/context/selections")
    for position, selection in enumerate(found):
        if not isinstance(selection, str):
            pointer = f"/context/selections/{position}"
            raise Refused(400, f"selections holds {kind_of(selection)}; each must be a string.", pointer)
    return tuple(found)


def _draft_orders(context: Members, envelope: _Envelope) -> msgspec.Raw:
    pointer = "/context/draftOrders"
    found = context.get("draftOrders")
    if found is None:
        state = "null" if "draftOrders" in context else "missing"
        message = f"draftOrders is {state}: there is nothing to check; a Bundle of orders is required."
        raise Refused(400, message, pointer)
    if not isinstance(found, dict):
        raise Refused(400, f"draftOrders is {kind_of(found)}; a Bundle of orders is required.", pointer)
    kind = found.get("resourceType")
    if kind not in (None, "Bundle"):
        shown = quoted(kind) if isinstance(kind, str) else kind_of(kind)
        message = f"draftOrders is a resource of type {shown}; a Bundle is required."
        raise Refused(400, message, f"{pointer}/resourceType")
    return _read_context(envelope.context).draft_orders


def _prefetch(members: Members, envelope: _Envelope) -> Mapping[str, msgspec.Raw]:
    found = members.get("prefetch")
    if isinstance(found, dict | None):
        return envelope.prefetch or {}
    kind = str(found).lower() if isinstance(found, bool) else "a string" if isinstance(found, str) else kind_of(found)
    raise Refused(400, f"prefetch is {kind}; an object or null is required.", "/prefetch")


def _fhir_server(members: Members, patient_id: str, notes: list[str]) -> str | None:
    """The client's FHIR base, None where it is absent or cannot be used; checks `fhirAuthorization` beside it."""
    server = members.get("fhirServer")
    authorization = members.get("fhirAuthorization")
    if authorization is not None:
        _check_authorization(authorization, server, patient_id, notes)
    if isinstance(server, str) and server.lower().startswith(("https://", "http://")):
        return server
    if server is not None:
        notes.append(NOTE_SERVER)
    return None


def _check_authorization(found: object, server: object, patient_id: str, notes: list[str]) -> None:
    pointer = "/fhirAuthorization"
    if not isinstance(found, dict):
        raise Refused(400, f"fhirAuthorization is {kind_of(found)}; an object or null is required.", pointer)
    if server is None:
        raise Refused(400, "fhirAuthorization is present without fhirServer; both are required together.", pointer)
    subject = found.get("patient")
    if subject is not None and subject not in (patient_id, f"Patient/{patient_id}"):
        raise Refused(400, "fhirAuthorization.patient is not the patient of context.patientId.", f"{pointer}/patient")
    if _access_token({"fhirAuthorization": found}) is None:
        notes.append(NOTE_ACCESS)


def _access_token(members: Members) -> str | None:
    """The bearer token, where there is one that can be sent."""
    found = members.get("fhirAuthorization")
    if not isinstance(found, dict):
        return None
    kind, token = found.get("token_type"), found.get("access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer" or not isinstance(token, str):
        return None
    return token if _TOKEN.fullmatch(token) else None
