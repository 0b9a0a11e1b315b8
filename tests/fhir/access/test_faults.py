"""What a FHIR server may do to us: every fault is answered in time, and named."""

import json
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable
from functools import cache

import pytest

from tests.fhir.access.fhir_servers import Server, answer, fetched, served
from tests.fhir.fhir_samples import condition, order, prefetch, result, searchset

pytestmark = pytest.mark.loopback

LIMIT = 0.6
SLACK = 2.5
WITHOUT = prefetch(conditions=...)
PROBLEMS = json.dumps(searchset(condition())).encode()


def status(line: str, body: bytes = b"", *headers: str) -> Callable[[socket.socket, str], None]:
    return lambda connection, _: answer(connection, body, line, *headers)


def good(body: bytes, *headers: str) -> Callable[[socket.socket, str], None]:
    return status("200 OK", body, *headers)


def silent(connection: socket.socket, _: str) -> None:
    connection.recv(1)


def drip_of_headers(connection: socket.socket, _: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    drip(connection)


def drip_of_body(connection: socket.socket, _: str) -> None:
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"')
    drip(connection)


def drip_of_chunks(connection: socket.socket, _: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"1\r\n \r\n")
        time.sleep(0.1)


def endless_continue(connection: socket.socket, _: str) -> None:
    for _ in range(100):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.1)


def endless_headers(connection: socket.socket, _: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Again: and again\r\n" * 100)


def endless_body(connection: socket.socket, _: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


def endless_redirect(connection: socket.socket, _: str) -> None:
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /fhir/elsewhere\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


def drip(connection: socket.socket) -> None:
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.1)


def reset(connection: socket.socket, _: str) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def half(connection: socket.socket, _: str) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + PROBLEMS[:50])
    connection.close()


def no_http(connection: socket.socket, _: str) -> None:
    connection.sendall(b"220 mail.example.org ESMTP\r\n\r\n")
    connection.close()


def bomb(connection: socket.socket, _: str) -> None:
    answer(connection, bombs(), "200 OK", "Content-Encoding: gzip")


@cache
def bombs() -> bytes:
    """200 MB of blanks in 200 kB."""
    packed = zlib.compressobj(6, wbits=31)
    return b"".join([packed.compress(b" " * 1_000_000) for _ in range(200)]) + packed.flush()


def endless_error(connection: socket.socket, _: str) -> None:
    connection.sendall(b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


OUTCOME = json.dumps(
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
).encode()
FAULTS = {
    "500": (status("500 Internal Server Error", OUTCOME), "fetch-failed"),
    "500 with good data": (status("500 Internal Server Error", PROBLEMS), "fetch-failed"),
    "500 with an endless body": (endless_error, "fetch-failed"),
    "404 with good data": (status("404 Not Found", PROBLEMS), "fetch-not-found"),
    "503": (status("503 Service Unavailable", b"busy"), "fetch-failed"),
    "429": (status("429 Too Many Requests", b""), "fetch-failed"),
    "400": (status("400 Bad Request", OUTCOME), "fetch-failed"),
    "401 in plain text": (status("401 Unauthorized", b"Invalid token", "Content-Type: text/plain"), "fetch-refused"),
    "403": (status("403 Forbidden", b"<h1>no</h1>"), "fetch-refused"),
    "404": (status("404 Not Found", OUTCOME), "fetch-not-found"),
    "204": (status("204 No Content"), "fetch-failed"),
    "206": (status("206 Partial Content", PROBLEMS), "fetch-failed"),
    "301": (status("301 Moved Permanently", b"", "Location: /fhir/Condition2"), "fetch-redirect"),
    "302 with an endless body": (endless_redirect, "fetch-redirect"),
    "304": (status("304 Not Modified"), "fetch-redirect"),
    "no JSON": (good(b"not json at all"), "fetch-garbage"),
    "HTML with 200": (good(b"<html><body>Sign in</body></html>"), "fetch-garbage"),
    "truncated JSON": (good(PROBLEMS[:-20]), "fetch-garbage"),
    "not UTF-8": (good(b'{"resourceType":"Bundle","entry":[{"resource":"\xff\xfe"}]}'), "fetch-garbage"),
    "nested too deep": (good(b'{"resourceType":"Bundle","entry":' + b"[" * 100_000), "fetch-garbage"),
    "empty body": (good(b"   "), "fetch-garbage"),
    "null": (good(b"null"), "fetch-garbage"),
    "a number": (good(b"17"), "fetch-garbage"),
    "another type": (good(json.dumps(searchset(order())).encode()), "fetch-garbage"),
    "OperationOutcome with 200": (good(OUTCOME), "fetch-garbage"),
    "gzip bomb": (bomb, "fetch-garbage"),
    "unknown encoding": (good(PROBLEMS, "Content-Encoding: br"), "fetch-garbage"),
    "too large": (good(b" " * 2_100_000 + PROBLEMS), "fetch-too-large"),
    "endless body": (endless_body, "fetch-too-large"),
    "endless headers": (endless_headers, "fetch-failed"),
    "reset": (reset, "fetch-failed"),
    "cut in the middle": (half, "fetch-failed"),
    "no HTTP": (no_http, "fetch-failed"),
    "silent": (silent, "fetch-timeout"),
    "drip of headers": (drip_of_headers, "fetch-timeout"),
    "drip of body": (drip_of_body, "fetch-timeout"),
    "drip of chunks": (drip_of_chunks, "fetch-timeout"),
    "endless 100 Continue": (endless_continue, "fetch-timeout"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_gap_in_time(name: str) -> None:
    fault, reason = FAULTS[name]
    seconds = LIMIT if reason == "fetch-timeout" else 5.0
    with served(fault) as server:
        started = time.monotonic()
        found = fetched(server.base, WITHOUT, seconds=seconds)
        spent = time.monotonic() - started

    assert spent < seconds + SLACK
    assert [(gap.section, gap.reason) for gap in found.gaps] == [("conditions", reason)]
    assert found.gaps[0].detail.startswith("not delivered, and ")
    assert found.states["conditions"] == "unread"
    assert found.prefetch["conditions"] == "fetched/error"
    assert not found.resources["conditions"]


def test_a_server_that_is_not_there() -> None:
    with served(silent) as server:
        base = server.base
    assert [gap.reason for gap in fetched(base, WITHOUT).gaps] == ["fetch-failed"]


def test_one_hanging_section_costs_the_others_nothing() -> None:
    def serve(connection: socket.socket, path: str) -> None:
        silent(connection, path) if "/Condition" in path else answer(connection, json.dumps(searchset()).encode())

    with served(serve) as server:
        found = fetched(server.base, prefetch(conditions=..., allergies=..., medications=...), seconds=LIMIT)
    assert [gap.section for gap in found.gaps] == ["conditions"]
    assert found.states["allergies"] == found.states["medications"] == "read"


def pages(server: Server, count: int) -> Callable[[socket.socket, str], None]:
    """`count` pages of one condition each, each naming the next."""

    def serve(connection: socket.socket, path: str) -> None:
        number = int(path.rpartition("page=")[2]) if "page=" in path else 1
        link = [{"relation": "next", "url": f"{server.base}?page={number + 1}"}] if number < count else []
        answer(connection, json.dumps(searchset(condition(f"c{number}"), total=count, link=link)).encode())

    return serve


@pytest.mark.parametrize(
    ("count", "state", "reasons"), [(3, "read", []), (5, "read", []), (9, "partial", ["fetch-endless"])]
)
def test_pages_are_followed_to_the_end_or_to_the_fifth(count: int, state: str, reasons: list[str]) -> None:
    with served(silent) as server:
        server.serve = pages(server, count)
        found = fetched(server.base, WITHOUT)

    assert len(server.asked) == min(count, 5)
    assert len(found.resources["conditions"]) == min(count, 5)
    assert found.states["conditions"] == state
    assert [gap.reason for gap in found.gaps] == reasons


def test_no_page_is_read_twice() -> None:
    with served(silent) as server:
        link = [{"relation": "next", "url": f"{server.base}/Condition?patient=p1&_count=200"}]
        server.serve = good(json.dumps(searchset(condition(), link=link)).encode())
        found = fetched(server.base, WITHOUT)

    assert len(server.asked) == 1
    assert [gap.reason for gap in found.gaps] == ["fetch-endless"]
    assert found.states["conditions"] == "partial"


def test_a_later_page_that_fails_leaves_the_section_partial() -> None:
    with served(silent) as server:
        first = pages(server, 3)
        server.serve = lambda connection, path: (
            answer(connection, OUTCOME, "500 Oops") if "page=2" in path else first(connection, path)
        )
        found = fetched(server.base, WITHOUT)

    assert found.states["conditions"] == "partial"
    assert [gap.reason for gap in found.gaps] == ["fetch-failed"]
    assert found.gaps[0].detail.startswith("only a part was delivered, and ")
    assert len(found.resources["conditions"]) == 1


def test_fewer_than_the_total_is_partial() -> None:
    with served(good(json.dumps(searchset(condition(), total=40)).encode())) as server:
        found = fetched(server.base, WITHOUT)
    assert [gap.reason for gap in found.gaps] == ["fetch-incomplete"]
    assert found.states["conditions"] == "partial"


def test_the_rest_of_a_partial_prefetch_is_fetched() -> None:
    with served(silent) as server:
        server.serve = pages(server, 3)
        link = [{"relation": "next", "url": f"{server.base}?page=2"}]
        found = fetched(server.base, prefetch(conditions=searchset(condition("c1"), link=link)))

    assert server.asked == ["/fhir?page=2", "/fhir?page=3"]
    assert found.states["conditions"] == "read"
    assert found.prefetch["conditions"] == "fetched/ok"
    assert [entry.resource.id for entry in found.resources["conditions"] if entry.resource] == ["c1", "c2", "c3"]
    assert not found.gaps


def test_what_prefetch_satisfies_costs_no_call() -> None:
    with served(silent) as server:
        found = fetched(server.base, prefetch(medications=searchset(order()), observations=searchset(result())))
    assert server.contacts == 0
    assert set(found.prefetch.values()) == {"ok", "empty"}


def test_a_failed_prefetch_is_asked_for_once() -> None:
    with served(good(PROBLEMS)) as server:
        found = fetched(server.base, prefetch(conditions=json.loads(OUTCOME)))
    assert server.asked == ["/fhir/Condition?patient=p1&_count=200"]
    assert found.prefetch["conditions"] == "fetched/ok"


def test_data_of_another_patient_are_left_out() -> None:
    stranger = condition(subject={"reference": "Patient/somebody-else"})
    with served(good(json.dumps(searchset(stranger)).encode())) as server:
        found = fetched(server.base, WITHOUT)
    assert found.prefetch["conditions"] == "fetched/other-patient"
    assert [gap.reason for gap in found.gaps] == ["other-patient"]


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again() -> None:
    def once(connection: socket.socket, _: str) -> None:
        answer(connection, PROBLEMS)
        connection.shutdown(socket.SHUT_RDWR)

    with served(once) as server:
        for _ in range(4):
            assert not fetched(server.base, WITHOUT).gaps


def test_a_socket_that_is_late_is_shut() -> None:
    """Otherwise a server that drips would keep a thread of ours long after the answer."""
    ended = threading.Event()

    def drips(connection: socket.socket, path: str) -> None:
        try:
            drip_of_headers(connection, path)
        except OSError:
            ended.set()

    with served(drips) as server:
        fetched(server.base, WITHOUT, seconds=LIMIT)
        assert ended.wait(SLACK)


def test_a_kept_connection_that_ends_at_the_next_question_is_opened_again() -> None:
    served_by: set[int] = set()

    def once(connection: socket.socket, _: str) -> None:
        if id(connection) in served_by:
            connection.close()
        else:
            served_by.add(id(connection))
            answer(connection, PROBLEMS)

    with served(once) as server:
        assert [fetched(server.base, WITHOUT).gaps for _ in range(3)] == [(), (), ()]
