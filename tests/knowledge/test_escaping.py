"""Words of a client inside Markdown: what is let through unread must be what reading it would give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.knowledge.templates import clean, markdown

# A letter that the short way does not know, so that the whole text is read.
SLOW = " é"


@given(st.text(alphabet="aZw09 .,:;()/%-+*<&@_\t\u200b", max_size=100) | st.text(alphabet="a1 .)(/-", max_size=9))
def test_plain_words_come_out_as_the_long_way_would_give_them(text: str) -> None:
    start = clean(text)
    assert markdown(start + SLOW) == markdown(start) + SLOW if start else markdown(text) == ""


def test_marks_of_markdown_never_pass() -> None:
    for text in (
        "1. first",
        "1) first",
        "1)",
        "- item",
        "a*b",
        "www.example.org",
        "http://x",
        "a@b",
        "<b>",
        "a_b_",
        "a  b\n",
    ):
        assert markdown(text) != text


@pytest.mark.parametrize("text", ["quinine", "thiazide 25 MG (oral) tablet", "a 1 MG / b-12, 1.5 (oral)", "3.2 mmol/L"])
def test_plain_words_are_not_read_at_length(text: str) -> None:
    assert markdown(text) is text
