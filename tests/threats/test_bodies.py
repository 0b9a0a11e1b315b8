"""Threats 7 to 9, 12, 17 and 18, from outside: what a body may cost, and what it may do to the log and the records."""

import copy
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.web.log import FIELDS
from tests.threats.running import FEEDBACK, OTHER, SIGN, Running, Told, person
from tests.threats.test_markup import places

pytestmark = pytest.mark.loopback

CALL = person("bela")
FORGED = '{"ts":"2026-01-01T00:00:00Z","level":"error","event":"forged"}'
INJECTIONS = (
    f"x\n{FORGED}", f"x\r\n{FORGED}\r\n", f"x\u2028{FORGED}", f"x\u2029{FORGED}", f"x\u0085{FORGED}", f"x\x0b{FORGED}\x0c",
    "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "%s %n {0} {event} %(event)s", '","event":"forged","x":"', "\\n" + FORGED,
    "\x00" + FORGED, "\u202e" + FORGED, "${jndi:ldap://x}",
)  # fmt: skip


# --- 7: the log


def filled(payload: str) -> dict[str, Any]:
    """A call with the payload behind every word, but for the hook."""
    call = copy.deepcopy(CALL)
    for path in places(CALL):
        home: Any = call
        for step in path[:-1]:
            home = home[step]
        home[path[-1]] = f"{home[path[-1]]}{payload}"
    return {**call, "hook": CALL["hook"], payload: payload}


def injected(service: Running, payload: str) -> Iterator[Told]:
    """Calls with the payload wherever a client may write."""
    yield service.ask(SIGN, filled(payload))
    for member in ("hook", "hookInstance"):
        yield service.ask(SIGN, {**CALL, member: payload})
    for member in ("patientId", "userId"):
        yield service.ask(SIGN, {**CALL, "context": {**CALL["context"], member: payload}})
    yield service.ask(FEEDBACK, {"feedback": [{"card": payload, "outcome": payload, "outcomeTimestamp": payload}]})
    yield service.ask(SIGN, b"{" + payload.encode())
    line = "".join(sign for sign in payload if sign not in "\r\n\x00\x0b\x0c")
    for name in ("User-Agent", "Referer", "X-Request-Id", "X-Forwarded-For", "Origin", "Forwarded", "traceparent"):
        yield service.ask(SIGN, CALL, [(name, line)])
    yield service.ask(SIGN, CALL, [("Authorization", f"Bearer {line}")])
    quoted = "".join(f"%{byte:02x}" for byte in payload.encode())
    for path in (f"/cds-services/{quoted}", f"{SIGN}?x={quoted}", f"/{quoted}"):
        yield service.ask(path, CALL, token="x")


def test_nothing_a_client_sends_forges_a_line_of_the_log(service: Running) -> None:
    """As many lines as calls, each one JSON with the fields allowed, whatever stands in bodies, headers and paths."""
    before, reached, refused = len(service.log()), 0, 0
    for payload in INJECTIONS:
        for told in injected(service, payload):
            # Control characters in a header are the server's own 400: such a call never reaches the application.
            reached, refused = reached + ("x-request-id" in told.headers), refused + (told.status == 400)
    lines = service.log()[before:]
    assert len(lines) == reached > 200
    read = [json.loads(line) for line in lines]
    assert {line["event"] for line in read} == {"request"}
    assert all(set(line) <= set(FIELDS) for line in read)
    assert all(sign.isprintable() for line in lines for sign in line)
    for mark in ("forged", "jndi", "[31m", "title", "%n"):
        assert mark not in service.printed()
    assert refused > 30


# --- 8 and 9: what a body may cost


def bombs() -> dict[str, bytes]:
    """Bodies made to cost more than they weigh; each with what is wrong in its name."""
    good = json.dumps(CALL).encode()
    deep = b'{"a":' * 200_000
    return {
        "200000 objects deep": deep,
        "200000 arrays deep": b"[" * 200_000,
        "deep and closed": b"[" * 100_000 + b"]" * 100_000,
        "deep in prefetch": good.replace(b'"prefetch": {', b'"prefetch": {"x": ' + b"[" * 50_000 + b"]" * 50_000 + b", ", 1),
        "a number of 1000000 digits": b'{"hook": ' + b"9" * 1_000_000 + b"}",
        "a number of 1000000 digits behind the point": b'{"hook": 0.' + b"9" * 1_000_000 + b"}",
        "an exponent of 100000 digits": b'{"hook": 1e' + b"9" * 100_000 + b"}",
        "100000 large numbers": b"[" + b",".join([b"9" * 60] * 100_000) + b"]",
        "a key twice": b'{"hook": "order-sign", "hook": "order-sign"}',
        "200000 equal keys": b"{" + b",".join([b'"a":1'] * 200_000) + b"}",
        "half a pair": good.replace(b'"hookInstance": "', b'"hookInstance": "\\ud800', 1),
        "NaN": b'{"hook": NaN}',
        "Infinity": b'{"hook": -Infinity}',
        "bad UTF-8": b'{"hook": "\xff\xfe"}',
        "a surrogate in UTF-8": b'{"hook": "\xed\xa0\x80"}',
        "UTF-16": json.dumps(CALL).encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + good,
        "an endless string": b'{"hook": "' + b"\\u0041" * 500_000,
        "an endless row of escapes": b'{"hook": "' + b"\\\\" * 2_000_000 + b'"}',
        "7 MB of blanks": b" " * 7_000_000,
        "too large": b" " * 9_000_000,
    }  # fmt: skip


def test_each_bomb_is_refused_quickly_and_leaves_no_memory_behind(service: Running) -> None:
    for _ in range(3):
        service.ask(SIGN, CALL)
    before = service.megabytes()
    slow, odd = {}, {}
    for _ in range(2):
        for name, body in bombs().items():
            told = service.ask(SIGN, body)
            if told.status not in (400, 413):
                odd[name] = told.status
            if told.seconds > 2:  # far below on a quiet machine; seconds would be a bomb that went off
                slow[name] = told.seconds
    assert (slow, odd) == ({}, {})
    for _ in range(3):
        assert service.ask(SIGN, CALL).status == 200
    assert service.megabytes() - before < 100


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "GZIP", "unknown"])
def test_a_compressed_body_is_refused_unread(service: Running, coding: str) -> None:
    bomb = gzip.compress(json.dumps(CALL).encode() + b" " * 10_000_000)
    assert len(bomb) < 60_000
    for path in (SIGN, FEEDBACK):
        assert service.ask(path, bomb, [("Content-Encoding", coding)]).status == 415


# --- 12: feedback


def entry(**changes: object) -> dict[str, object]:
    good = {
        "card": "0f3d1c5e-8a61-4c0e-9c0b-3d0a52f4b7e1",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-03-01T10:00:00Z",
    }
    return {**good, **changes}


def test_poisoned_feedback_is_refused_whole_or_kept_as_what_it_is(service: Running) -> None:
    card = service.ask(SIGN, CALL).json["cards"][0]["uuid"]
    before = len(service.records())
    comment = {"userComment": "x" * 1_000_000}
    for items, status in (
        ([entry()] * 10_000, 413),
        ([entry()] * 101, 413),
        ([entry(overrideReason=comment)], 400),
        ([entry(card=card), entry(outcome="ignored")], 400),
        ([entry(outcomeTimestamp="tomorrow")], 400),
    ):
        assert service.ask(FEEDBACK, {"feedback": items}).status == status
    assert len(service.records()) == before

    # Another client's word on our card is kept under that client's name, and changes no answer.
    token = service.token(FEEDBACK, OTHER)
    assert (
        service.ask(
            FEEDBACK, {"feedback": [entry(card=card, outcomeTimestamp="2999-01-01T00:00:00Z")]}, token=token
        ).status
        == 204
    )
    assert (
        service.ask(
            FEEDBACK, {"feedback": [entry(card="no uuid; DROP TABLE", overrideReason={"userComment": "y" * 1000})]}
        ).status
        == 204
    )
    foreign, unknown = service.records()[-2:]
    assert (foreign["client"], foreign["card"], foreign["at"][:4] != "2999") == ("other", card, True)
    assert (unknown["client"], unknown["card"], unknown["commented"]) == ("ehr", "unmatched", True)
    assert "yyyy" not in json.dumps(unknown)


# --- 17 and 18: whose data, and which call


def test_what_belongs_to_another_patient_is_left_out_and_said(service: Running) -> None:
    call = copy.deepcopy(CALL)
    mine = call["context"]["patientId"]
    text = json.dumps(call["prefetch"]).replace(f"Patient/{mine}", "Patient/somebody-else")
    call["prefetch"] = json.loads(text)
    call["prefetch"]["patient"]["id"] = "somebody-else"
    told = service.ask(SIGN, call)
    assert told.status == 200
    own, record = service.ask(SIGN, CALL), service.records()[-2]
    assert "other-patient" in record["prefetch"].values()
    assert record["facts"]["labs"] == []
    shown = {one["id"] for card in told.json["cards"] for one in card["extension"]["org.cds-service.findings"]}
    assert "data-quality" in shown
    assert "another patient" in told.body.decode()
    assert own.json != told.json


def test_the_same_hook_instance_with_other_data_is_another_decision(service: Running) -> None:
    other = copy.deepcopy(CALL)
    other["prefetch"]["observations"] = None
    cards, ids = [], []
    for call in (CALL, other, CALL):
        told = service.ask(SIGN, call)
        ids.append(told.headers["x-request-id"])
        cards += [card["uuid"] for card in told.json["cards"]]
        cards += [one["uuid"] for card in told.json["cards"] for one in card.get("suggestions", [])]
    assert len(set(ids)) == 3
    assert len(set(cards)) == len(cards) > 3
    records = service.records()[-3:]
    assert [record["id"] for record in records] == ids
    assert records[0]["facts"]["labs"] != records[1]["facts"]["labs"]
