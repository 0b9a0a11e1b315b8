"""Threat 6: what a client writes into a chart is text on a card, never markup.

A card's detail is rendered as the public sandbox does it: Markdown with raw HTML let through. What comes out is read by a strict parser.
"""

import copy
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient
from markdown_it import MarkdownIt

from tests.conftest import OpenService
from tests.fixtures.people import NOW, PEOPLE
from tests.threats.payloads import CANARY, payloads

RENDER = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable("table").enable("strikethrough").render
# What the cards themselves are written with. A link is the cards' own: it leads to a source.
TAGS = {
    "p",
    "strong",
    "em",
    "ul",
    "ol",
    "li",
    "br",
    "a",
    "h1",
    "h2",
    "h3",
    "h4",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "hr",
}
MARK = "zq"
TURNS = 200
EVERY = payloads()
# Words that tell what a value means: one payload at a time goes there. Everywhere else all get one at once.
STRUCTURE = {
    "resourceType",
    "system",
    "code",
    "reference",
    "status",
    "intent",
    "id",
    "use",
    "type",
    "linkId",
    "fullUrl",
}
STRUCTURE |= {
    "birthDate",
    "gender",
    "authoredOn",
    "effectiveDateTime",
    "issued",
    "recordedDate",
    "onsetDateTime",
    "periodUnit",
}
Json = dict[str, Any]


class Seen(HTMLParser):
    """Every tag and attribute of a text as a browser would see it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.links: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if (tag, name) == ("a", "href"):
                self.links.append(str(value))
            elif (tag, name) not in {("th", "style"), ("td", "style"), ("ol", "start")}:
                self.faults.append(f"<{tag} {name}>")

    def handle_comment(self, data: str) -> None:
        self.faults.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("declaration")

    def unknown_decl(self, data: str) -> None:
        self.faults.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.faults.append("instruction")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every string in a call."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, held in items:
        if isinstance(held, str):
            yield (*path, name)
        else:
            yield from places(held, (*path, name))


def put(call: Json, path: tuple[Any, ...], number: int) -> None:
    """A payload behind the word that stands there, with its number before it, so that it is found again."""
    home: Any = call
    for step in path[:-1]:
        home = home[step]
    home[path[-1]] = f"{home[path[-1]]} {MARK}{number % 500}x {EVERY[number % 500]}"


def structural(path: tuple[Any, ...]) -> bool:
    return path[0] not in ("prefetch", "context") or path[-1] in STRUCTURE or path[-1] in ("patientId", "userId")


def shown(client: FlaskClient, call: Json) -> list[Json]:
    answer = client.post(f"/cds-services/cramp-{call['hook']}", data=json.dumps(call), content_type="application/json")
    assert answer.status_code < 500, answer.text
    cards: list[Json] = (answer.get_json() or {}).get("cards", [])
    return cards


def faults_of(card: Json, own_links: set[str]) -> list[str]:
    """What a card would do beyond showing text."""
    seen = Seen(RENDER(card.get("detail", "")))
    found = seen.faults + [link for link in seen.links if link not in own_links]
    words = [card["summary"], card["source"]["label"], *(s["label"] for s in card.get("suggestions", []))]
    words += [action["description"] for s in card.get("suggestions", []) for action in s["actions"]]
    found += [word for word in words if re.search("<[A-Za-z/!?]|[\n\r\x1b\u202e\u2066\u2028]", word)]
    found += [link["url"] for link in card.get("links", []) if CANARY in link["url"]]
    text = card.get("detail", "")
    found += [f"character {sign!r}" for sign in "\x1b\x07\x08\r\u202e\u2066\u2069\u200b\u2028\ufeff" if sign in text]
    found += re.findall("<(?!https?://)[A-Za-z/!?]", text)
    # What renderers for GitHub's Markdown make into a link by itself.
    found += re.findall(r"(?:://|www\.|@)canary", text)
    return found


@pytest.fixture(scope="module")
def client(open_service: OpenService) -> FlaskClient:
    return open_service(NOW)


@pytest.fixture(scope="module")
def calls(client: FlaskClient) -> list[Json]:
    """The ten patients whose cards show most words of the client."""
    told: list[tuple[int, int]] = []
    for number, person in enumerate(PEOPLE):
        call = copy.deepcopy(person.request)
        for path in [path for path in places(call) if not structural(path)]:
            put(call, path, 0)
        told.append((json.dumps(shown(client, call)).count(MARK), number))
    told.sort(reverse=True)
    assert told[9][0] > 3
    return [PEOPLE[number].request for _, number in told[:10]]


@pytest.fixture(scope="module")
def own_links(client: FlaskClient, calls: list[Json]) -> set[str]:
    """The links that the cards have when nobody attacks."""
    cards = [card for call in calls for card in shown(client, call)]
    links = {link for card in cards for link in Seen(RENDER(card.get("detail", ""))).links}
    assert [fault for card in cards for fault in faults_of(card, links)] == []
    return links


def test_500_payloads_in_every_text_stay_text(client: FlaskClient, calls: list[Json], own_links: set[str]) -> None:
    """Each call carries a payload in every text; over all calls each payload comes to stand on a card."""
    assert len(EVERY) == 500
    seen: set[int] = set()
    for turn in range(TURNS):
        call = copy.deepcopy(calls[turn % len(calls)])
        wanted = sorted(set(range(500)) - seen) or list(range(500))
        for number, path in enumerate([path for path in places(call) if not structural(path)]):
            put(call, path, wanted[(turn * 13 + number) % len(wanted)])
        cards = shown(client, call)
        seen |= {int(found) for found in re.findall(rf"{MARK}(\d+)x", json.dumps(cards))}
        assert [fault for card in cards for fault in faults_of(card, own_links)] == []
    assert len(seen) == 500


def test_payloads_in_codes_ids_and_references_stay_text(
    client: FlaskClient, calls: list[Json], own_links: set[str]
) -> None:
    one_of_each = {tuple(step for step in path if isinstance(step, str)): path for path in places(calls[0])}
    meant = [path for path in one_of_each.values() if structural(path)]
    for number, path in enumerate(meant):
        call = copy.deepcopy(calls[0])
        put(call, path, number * 13)
        assert [fault for card in shown(client, call) for fault in faults_of(card, own_links)] == []
    assert len(meant) > 30


@pytest.mark.parametrize(
    "written", ["<script>x</script>", f"[x]({CANARY})", f"![x]({CANARY})", "<img src=x>", "<!-- x -->"]
)
def test_markup_that_got_through_would_be_seen(written: str) -> None:
    card = {"summary": "x", "source": {"label": "x"}, "detail": f"**Drug:** {written}"}
    assert faults_of(card, set()) != []
