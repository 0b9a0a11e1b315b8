"""What became of our cards: the feedback a client sends, read by its schema.

CDS Hooks 2.0.1, "Feedback". One bad entry refuses the whole call, so that nobody believes half of it was kept.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cds_service.hooks.refused import Refused, kind_of, quoted
from cds_service.hooks.strict_json import check_depth, read_strict

MAX_ITEMS = 100
MAX_COMMENT = 1000
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")

Members = dict[str, object]
Outcome = Literal["accepted", "overridden"]


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """Why a card was overridden: a code that was picked (`system` may be empty), words, or both."""

    code: str = ""
    system: str = ""
    user_comment: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackEntry:
    """What a user did with one card. `card` and the suggestions are the uuids that we gave, if the client is right."""

    card: str
    outcome: Outcome
    outcome_timestamp: datetime
    accepted_suggestions: tuple[str, ...] = ()
    override_reason: OverrideReason | None = None


def read_feedback(body: bytes) -> tuple[FeedbackEntry, ...]:
    """The entries in the order sent. Raises `Refused`: 400 naming the entry, 413 for more than 100 entries."""
    members = read_strict(body)
    check_depth(body, 64)
    if not isinstance(members, dict):
        raise Refused(400, f"The body must be a JSON object; found {kind_of(members)}.")
    found = members.get("feedback")
    if not isinstance(found, list):
        state = kind_of(found) if "feedback" in members else "missing"
        raise Refused(400, f"feedback is {state}; an array of entries is required.", "/feedback")
    if len(found) > MAX_ITEMS:
        raise Refused(413, f"feedback has {len(found)} entries; allowed are {MAX_ITEMS}.", "/feedback")
    return tuple(_entry(entry, f"/feedback/{position}") for position, entry in enumerate(found))


def _entry(found: object, pointer: str) -> FeedbackEntry:
    entry = _object(found, pointer, "a feedback entry")
    outcome = _outcome(entry, pointer)
    return FeedbackEntry(
        card=_text(entry, "card", pointer),
        outcome=outcome,
        outcome_timestamp=_timestamp(entry, pointer),
        accepted_suggestions=_accepted(entry, pointer, required=outcome == "accepted"),
        override_reason=_override_reason(entry.get("overrideReason"), f"{pointer}/overrideReason"),
    )


def _outcome(entry: Members, pointer: str) -> Outcome:
    found = _text(entry, "outcome", pointer)
    if found == "accepted":
        return "accepted"
    if found == "overridden":
        return "overridden"
    raise Refused(400, f'outcome is {quoted(found)}; allowed are "accepted" and "overridden".', f"{pointer}/outcome")


def _timestamp(entry: Members, pointer: str) -> datetime:
    found = _text(entry, "outcomeTimestamp", pointer)
    try:
        if _TIMESTAMP.fullmatch(found):
            return datetime.fromisoformat(found)
    except ValueError:
        pass  # the form is right, the day or hour does not exist: refused below like every other
    message = f"outcomeTimestamp is {quoted(found)}; a date and time with a time zone (RFC 3339) is required."
    raise Refused(400, message, f"{pointer}/outcomeTimestamp")


def _accepted(entry: Members, pointer: str, *, required: bool) -> tuple[str, ...]:
    where = f"{pointer}/acceptedSuggestions"
    found = entry.get("acceptedSuggestions")
    if found is None and not required:
        return ()
    if not isinstance(found, list):
        state = kind_of(found) if "acceptedSuggestions" in entry else "missing"
        raise Refused(400, f"acceptedSuggestions is {state}; an array is required.", where)
    if required and not found:
        raise Refused(400, "acceptedSuggestions is empty; an accepted card names what was accepted.", where)
    if len(found) > MAX_ITEMS:
        raise Refused(413, f"acceptedSuggestions has {len(found)} entries; allowed are {MAX_ITEMS}.", where)
    return tuple(_suggestion_id(item, f"{where}/{position}") for position, item in enumerate(found))


def _suggestion_id(found: object, pointer: str) -> str:
    return _text(_object(found, pointer, "an accepted suggestion"), "id", pointer)


def _override_reason(found: object, pointer: str) -> OverrideReason | None:
    if found is None:
        return None
    members = _object(found, pointer, "overrideReason")
    reason, comment = members.get("reason"), _optional_text(members, "userComment", pointer)
    if len(comment) > MAX_COMMENT:
        message = f"userComment has {len(comment)} characters; allowed are {MAX_COMMENT}."
        raise Refused(400, message, f"{pointer}/userComment")
    if reason is None:
        if "userComment" not in members:
            raise Refused(400, "overrideReason has neither reason nor userComment; one is required.", pointer)
        return OverrideReason(user_comment=comment)
    where = f"{pointer}/reason"
    coding = _object(reason, where, "reason")
    return OverrideReason(_text(coding, "code", where), _optional_text(coding, "system", where), comment)


def _object(found: object, pointer: str, what: str) -> Members:
    if not isinstance(found, dict):
        raise Refused(400, f"{what} is {kind_of(found)}; an object is required.", pointer)
    return found


def _text(members: Members, name: str, pointer: str) -> str:
    found = members.get(name)
    if not isinstance(found, str) or not found.strip():
        state = kind_of(found) if name in members else "missing"
        raise Refused(400, f"{name} is {state}; a string that is not empty is required.", f"{pointer}/{name}")
    return found


def _optional_text(members: Members, name: str, pointer: str) -> str:
    found = members.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise Refused(400, f"{name} is {kind_of(found)}; a string is required.", f"{pointer}/{name}")
    return found
