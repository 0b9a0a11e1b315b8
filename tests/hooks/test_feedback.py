"""Feedback: what is taken, what refuses the whole call."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cds_service.hooks import FeedbackEntry, OverrideReason, Refused, read_feedback

SCHEMA = Draft202012Validator(
    json.loads(files("cds_service.hooks").joinpath("schemas/feedback.schema.json").read_text())
)


def an_entry(**members: object) -> dict[str, object]:
    return {"card": "c1", "outcome": "overridden", "outcomeTimestamp": "2026-03-01T10:00:00Z", **members}


def read(*entries: object) -> tuple[FeedbackEntry, ...]:
    return read_feedback(json.dumps({"feedback": entries}).encode())


def verdict(entry: object) -> Refused | None:
    try:
        read(entry)
    except Refused as error:
        return error
    return None


def test_entries_come_in_order_with_everything_said() -> None:
    reason = {"reason": {"code": "x", "system": "s"}, "userComment": "because"}
    entries = read(an_entry(overrideReason=reason), an_entry(outcome="accepted", acceptedSuggestions=[{"id": "s1"}]))
    assert entries[0].override_reason == OverrideReason("x", "s", "because")
    assert entries[0].outcome_timestamp == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert entries[1].outcome == "accepted"
    assert entries[1].accepted_suggestions == ("s1",)


def test_explicit_nulls_are_absent() -> None:
    assert read(an_entry(overrideReason=None, acceptedSuggestions=None))[0].override_reason is None


def test_hundred_entries_are_taken_and_one_more_is_not() -> None:
    assert len(read(*[an_entry()] * 100)) == 100
    with pytest.raises(Refused) as caught:
        read(*[an_entry()] * 101)
    assert caught.value.status == 413


VALUES = st.sampled_from(
    [None, "", "x", 5, [], {}, [{}], [{"id": "s"}], [{"id": ""}], {"reason": {}}, {"reason": {"code": "c"}},
     {"userComment": "u"}, {"reason": None}, "accepted", "overridden", "2026-03-01T10:00:00.5+01:00", "2026-03-01"]
)  # fmt: skip
MEMBERS = st.sampled_from(["card", "outcome", "outcomeTimestamp", "acceptedSuggestions", "overrideReason"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(MEMBERS, VALUES, max_size=3), st.sets(MEMBERS, max_size=1))
def test_the_reader_agrees_with_the_schema(changes: dict[str, object], gone: set[str]) -> None:
    entry = {name: value for name, value in an_entry(**changes).items() if name not in gone}
    # The schema knows no null; the reader takes a null for an absent member.
    plain = {name: value for name, value in entry.items() if value is not None}
    reason = plain.get("overrideReason")
    if isinstance(reason, dict):
        plain["overrideReason"] = {name: value for name, value in reason.items() if value is not None}
    error = verdict(entry)
    assert (error is None) == SCHEMA.is_valid({"feedback": [plain]})
    assert error is None or (error.status == 400 and error.pointer.startswith("/feedback/0"))


def test_an_endless_row_of_escapes_is_refused_in_time_that_grows_with_its_length() -> None:
    """Two million escaped quotation marks in a string without an end: a reader that starts anew at each never ends."""
    with pytest.raises(Refused) as caught:
        read_feedback(b'{"' + b'\\"' * 2_000_000)
    assert caught.value.status == 400
