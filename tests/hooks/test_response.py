"""The strict writer: what may leave, in which form, and what never leaves."""

import json
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid5

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cds_service.hooks import (
    Action,
    Card,
    Coding,
    Link,
    ResponseDefect,
    Source,
    Suggestion,
    encode_cards,
    prune,
    topic_code,
)

SCHEMA = Draft202012Validator(
    json.loads(files("cds_service.hooks").joinpath("schemas/response.schema.json").read_text())
)
NAMESPACE = UUID("6c1f0f4e-8f5e-4b1c-9a7d-000000000001")


def number(name: str) -> str:
    return str(uuid5(NAMESPACE, name))


def a_suggestion(name: str = "one", **changes: Any) -> Suggestion:
    action = Action(type="delete", description="Remove the order", resource_id="MedicationRequest/a")
    return Suggestion(**{"label": "Remove", "uuid": number(name), "actions": (action,), **changes})


def a_card(name: str = "card", **changes: Any) -> Card:
    source = Source(label="A source", url="https://example.org/x", topic=Coding(system="https://x.org/c", code="abc"))
    members = {"uuid": number(name), "summary": "A sentence.", "indicator": "info", "source": source}
    return Card(**{**members, **changes})


def written(*cards: Card) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(encode_cards(cards))
    SCHEMA.validate(answer)
    return answer


def test_nothing_to_say_is_an_empty_list() -> None:
    assert encode_cards([]) == b'{"cards":[]}'


def test_a_full_card_is_valid_and_named_as_the_specification_has_it() -> None:
    reasons = (Coding(system="http://x.org/r", code="no", display="No"),)
    links = (Link(label="Read", url="https://x.org", type="absolute"),)
    card = a_card(
        detail="**Why**",
        suggestions=(a_suggestion(is_recommended=True),),
        selection_behavior="any",
        override_reasons=reasons,
        links=links,
        extension={"org.cds-service.findings": [{"id": "x", "version": "1.0.0", "indicator": "info"}]},
    )
    answer = written(card)["cards"][0]
    assert answer["suggestions"][0]["isRecommended"] is True
    assert answer["suggestions"][0]["actions"][0]["resourceId"] == "MedicationRequest/a"
    assert set(answer) >= {"selectionBehavior", "overrideReasons", "links", "extension", "uuid"}


def test_members_without_value_are_left_out() -> None:
    assert set(written(a_card())["cards"][0]) == {"uuid", "summary", "indicator", "source"}


def test_nulls_and_empties_inside_resources_are_left_out() -> None:
    resource = {
        "resourceType": "X",
        "a": None,
        "b": [],
        "c": {"d": ""},
        "given": [None, "x"],
        "_given": [{"id": "1"}, None],
    }
    action = Action(type="create", description="Order", resource=resource)
    raw = Action(type="update", description="Change", resource=msgspec.Raw(json.dumps(resource).encode()))
    card = a_card(suggestions=(a_suggestion(actions=(action, raw)),), selection_behavior="any")
    for sent in written(card)["cards"][0]["suggestions"][0]["actions"]:
        assert sent["resource"] == {"resourceType": "X", "given": [None, "x"], "_given": [{"id": "1"}, None]}


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": ""},
        {"summary": "  "},
        {"summary": "x" * 140},
        {"summary": "two\nlines"},
        {"indicator": "hard-stop"},
        {"uuid": "1"},
        {"uuid": ""},
        {"detail": None},
        {"detail": 5},
        {"source": Source(label="")},
        {"source": Source(label="x", url="example.org")},
        {"source": None},
        {"suggestions": (a_suggestion(),)},
        {"suggestions": (a_suggestion(),), "selection_behavior": "all"},
        {"suggestions": (a_suggestion(label=""),), "selection_behavior": "any"},
        {
            "suggestions": (a_suggestion("a", is_recommended=True), a_suggestion("b", is_recommended=True)),
            "selection_behavior": "at-most-one",
        },
        {"suggestions": (a_suggestion("card"),), "selection_behavior": "any"},
        {"override_reasons": (Coding(system="s", code="c"),)},
        {"override_reasons": (Coding(system="", code="c", display="d"),)},
        {"links": (Link(label="x", url="https://x.org", type="absolute", app_context="y"),)},
        {"links": (Link(label="x", url="javascript:alert(1)", type="absolute"),)},
    ],
)
def test_a_card_that_breaks_a_rule_does_not_leave(changes: dict[str, Any]) -> None:
    with pytest.raises(ResponseDefect):
        encode_cards([a_card(**changes)])


@pytest.mark.parametrize(
    "action",
    [
        {"type": "delete", "description": "x"},
        {"type": "delete", "description": "x", "resource_id": "a"},
        {"type": "delete", "description": "x", "resource_id": "A/b", "resource": {"resourceType": "A"}},
        {"type": "create", "description": "x"},
        {"type": "update", "description": "x", "resource_id": "A/b"},
        {"type": "create", "description": "x", "resource": {"id": "1"}},
        {"type": "create", "description": "", "resource": {"resourceType": "A"}},
        {"type": "create", "description": "x", "resource": msgspec.Raw(b"[]")},
        {"type": "replace", "description": "x", "resource": {"resourceType": "A"}},
    ],
)
def test_an_action_that_breaks_a_rule_does_not_leave(action: dict[str, Any]) -> None:
    suggestion = a_suggestion(actions=(Action(**action),))
    with pytest.raises(ResponseDefect):
        encode_cards([a_card(suggestions=(suggestion,), selection_behavior="any")])


def test_a_uuid_stands_once_in_an_answer() -> None:
    with pytest.raises(ResponseDefect, match="twice"):
        encode_cards([a_card(), a_card()])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=150), st.text(max_size=20), st.text(max_size=10))
def test_whatever_leaves_is_valid(summary: str, detail: str, label: str) -> None:
    try:
        body = encode_cards([a_card(summary=summary, detail=detail, source=Source(label=label))])
    except ResponseDefect:
        return
    SCHEMA.validate(json.loads(body))


def test_topic_codes_are_letters_and_digits() -> None:
    assert topic_code("some-card-2") == "somecard2"
    for bad in ("", "---", "x" * 101):
        with pytest.raises(ResponseDefect):
            topic_code(bad)


NAMES = st.sampled_from(["a", "_a", "b"])
TREE = st.recursive(
    st.none() | st.sampled_from(["", "x"]) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, TREE, max_size=3))
def test_pruning_leaves_no_empties_and_is_done_once(tree: dict[str, object]) -> None:
    pruned = prune(tree)
    assert prune(pruned) == pruned
    text = json.dumps(pruned) if pruned else ""
    assert not [empty for empty in ('""', "{}", "[]") if empty in text]


def test_nulls_and_empties_inside_an_extension_are_left_out() -> None:
    assert written(a_card(extension={"org.example": [{"id": "x", "note": ""}, {}]}))["cards"][0]["extension"] == {
        "org.example": [{"id": "x"}]
    }


def test_a_fault_in_what_recurs_is_refused_every_time() -> None:
    faulty = {
        "source": Source(label="A source", url="example.org"),
        "override_reasons": (Coding(system="s", code="c"),),
    }
    for name, value in faulty.items():
        for _ in range(2):
            encode_cards([a_card()])
            with pytest.raises(ResponseDefect):
                encode_cards([a_card(), a_card("other", **{name: value})])
