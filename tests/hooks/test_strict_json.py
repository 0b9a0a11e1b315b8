"""The strict reader and the depth check, against an obvious reference."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.hooks.refused import Refused
from cds_service.hooks.strict_json import check_depth, read_strict


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def is_allowed(body: bytes, limit: int) -> bool:
    try:
        check_depth(body, limit)
    except Refused:
        return False
    return True


# Letters only: brackets in strings have their own test.
NESTED = st.recursive(
    st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(NESTED, st.integers(min_value=0, max_value=6))
def test_depth_is_counted_exactly(value: object, limit: int) -> None:
    assert is_allowed(json.dumps(value).encode(), limit) == (depth(value) <= limit)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text('[]{}"\\ a'), max_size=6))
def test_brackets_in_strings_are_no_depth(strings: list[str]) -> None:
    assert is_allowed(json.dumps(strings).encode(), 1)


def test_a_deep_body_is_refused_before_it_is_built() -> None:
    with pytest.raises(Refused, match="64 levels"):
        check_depth(b"[" * 2_000_000, 64)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"a":1,}', "trailing comma before line 1 column"),
        (b"[1,\n ]", "trailing comma"),
        (b'{"a":tru}', "is not JSON at line 1 column 6"),
        (b'{"a":1}x', "extra data"),
        (b'{"a":-Infinity}', "-Infinity, which is not JSON"),
        (b'{"a":{"b":1,"b":1}}', 'The member name "b" stands twice'),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_the_sentence_says_what_is_wrong(body: bytes, sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        read_strict(body)
    assert sentence in caught.value.message
    assert caught.value.status == 400


def test_a_repeated_name_is_shown_short_and_printable() -> None:
    name = "x\n" * 200
    with pytest.raises(Refused) as caught:
        read_strict(f"{{{json.dumps(name)}:1,{json.dumps(name)}:2}}".encode())
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 160


def test_brackets_are_found_behind_millions_of_escapes() -> None:
    body = b'{"a":"[' + b"\\n" * 2_000_000 + b'","b":%b}'
    check_depth(body % b"[[]]", 3)
    with pytest.raises(Refused, match="allowed are 2 levels"):
        check_depth(body % b"[[]]", 2)
