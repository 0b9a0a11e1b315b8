"""As many calls as are worked on at a time, and one more: refused at once, while health checks are answered."""

import http.client
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path

import pytest

from cds_service.audit.journal import FILE_NAME
from cds_service.settings import Settings
from cds_service.web import serve
from tests.http.test_serving import CALL, JSON, SELECT, Served, serving
from tests.trust.servers import descendants, until

pytestmark = pytest.mark.loopback
HOLD = CALL.replace(b'"p1"', b'"hold"')
ORIGIN = {"Origin": "https://ehr.example.org"}
# Generous for a busy machine; a call that waited for the others would wait for as long as the test holds them.
AT_ONCE = 1.0


@contextmanager
def held(running: Served, number: int) -> Iterator[list[Future[tuple[int, bytes]]]]:
    """So many calls that are being worked on; they end when the block ends."""
    with ThreadPoolExecutor(number) as pool:
        calls = [pool.submit(running.ask, "POST", SELECT, HOLD, **JSON) for _ in range(number)]
        try:
            until(lambda: len(list(running.folder.glob("held-*"))) == number)
            yield calls
        finally:
            (running.folder / "release").touch()


def asked(
    running: Served, method: str, path: str, body: bytes | None = None
) -> tuple[int, dict[str, str], bytes, float]:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    start = time.monotonic()
    try:
        connection.request(method, path, body, {**JSON, **ORIGIN, "Access-Control-Request-Method": "POST"})
        answer = connection.getresponse()
        said = answer.read()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, said, time.monotonic() - start
    finally:
        connection.close()


def test_the_call_that_is_one_too_many_is_refused_at_once(tmp_path: Path) -> None:
    places = Settings.load({}).max_in_flight
    with serving(tmp_path / "log", target="holding") as running:
        with held(running, places) as calls:
            for path in (SELECT, SELECT + "/feedback", "/cds-services/unknown"):
                status, headers, said, seconds = asked(running, "POST", path, CALL)
                assert (status, headers["retry-after"]) == (503, "2")
                assert headers["access-control-allow-origin"] == "*"
                assert "Retry-After" in headers["access-control-expose-headers"]
                outcome = json.loads(said)
                assert outcome["resourceType"] == "OperationOutcome"
                assert outcome["issue"][0]["code"] == "transient"
                assert headers["x-request-id"] in outcome["issue"][0]["diagnostics"]
                assert seconds < AT_ONCE
            assert asked(running, "GET", "/cds-services")[0] == 503
            for method, path in (("GET", "/livez"), ("GET", "/readyz"), ("GET", "/version"), ("OPTIONS", SELECT)):
                status, _, _, seconds = asked(running, method, path)
                assert (status, seconds < AT_ONCE) == (200, True), path
            assert not any(call.done() for call in calls)
        assert [call.result() for call in calls] == [(200, b'{"cards":[]}')] * places
        assert asked(running, "POST", SELECT, CALL)[0] == 200
        assert running.stop() == 0
    refused = [json.loads(line).get("refused") for line in running.lines if line.startswith("{")]
    assert refused.count("Overloaded") == 4


def test_a_refused_call_with_a_large_body_can_read_why(tmp_path: Path) -> None:
    with serving(tmp_path / "log", target="holding", CDS_MAX_IN_FLIGHT="1") as running, held(running, 1):
        for size in (100_000, 1_000_000):
            status, said = running.ask("POST", SELECT, CALL + b" " * size, **JSON)
            assert (status, json.loads(said)["resourceType"]) == (503, "OperationOutcome")


def test_unfinished_bodies_keep_no_health_check_waiting(tmp_path: Path) -> None:
    head = f"POST {SELECT} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n{{"
    with serving(tmp_path / "log", CDS_MAX_IN_FLIGHT="4") as running, ExitStack() as stack:
        slow = []
        for _ in range(8):
            slow.append(stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=20)))
            slow[-1].sendall(head.encode() + b" " * 40_000)
        # Four have their refusal, so the others hold the places: a call of ours before that could keep one from them.
        until(lambda: len(select.select(slow, [], [], 0)[0]) == 4)
        until(lambda: asked(running, "POST", SELECT, CALL)[0] == 503)
        status, _, _, seconds = asked(running, "GET", "/readyz")
        assert (status, seconds < AT_ONCE) == (200, True)


def test_a_stop_lets_running_calls_finish_and_tears_no_record(tmp_path: Path) -> None:
    with serving(tmp_path / "log", target="holding") as running:
        with held(running, 24) as calls:
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert not any(call.done() for call in calls)
        assert [call.result()[0] for call in calls] == [200] * 24
        assert running.stop() == 0
    lines = (running.folder / FILE_NAME).read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len({json.loads(line)["id"] for line in lines}) == 24


def workers_of(running: Served) -> Sequence[int]:
    """The processes that hold the journal open or will: granian's own children that answer calls."""
    return [
        pid for pid in descendants(running.process.pid) if (said := command_of(pid)) and b"resource_tracker" not in said
    ]


def command_of(pid: int) -> bytes:
    """The command line of a process; nothing where it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path / "log", workers=2) as running:
        time.sleep(1)  # both have loaded
        until(lambda: len(workers_of(running)) == 2, 60)
        first = workers_of(running)
        os.kill(first[0], signal.SIGKILL)
        until(lambda: len(set(workers_of(running)) - set(first)) == 1, 60)
        assert first[1] in workers_of(running)
        time.sleep(1)
        for _ in range(40):
            assert running.ask("POST", SELECT, CALL, **JSON)[0] == 200
        assert running.process.poll() is None
        assert running.stop() == 0


PRODUCTION = {"CDS_PROFILE": "production", "CDS_BASE_URL": "https://cds.example.org"}


@pytest.mark.parametrize("profile", [{}, PRODUCTION], ids=["sandbox", "production"])
def test_what_granian_is_told(profile: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = tmp_path / "clients.yaml"
    clients.write_text("clients: []")
    given = {**profile, **({"CDS_CLIENTS_FILE": str(clients)} if profile else {})}
    told: list[object] = []

    class Server:
        wrks: tuple[object, ...] = ()

        def __init__(self, target: str, **options: object) -> None:
            told.append(options)

        def on_shutdown(self, hook: object) -> None:
            """Nothing is shut down here."""

        def serve(self, **_: object) -> None:
            """Nothing is served here."""

    monkeypatch.setattr(serve, "Server", Server)
    monkeypatch.setattr(serve, "_announce", lambda *_: None)
    serve.serve(Settings.load({**given, "CDS_WORKERS": "2", "CDS_MAX_IN_FLIGHT": "10", "CDS_MAX_CONNECTIONS": "99"}))
    (options,) = told
    assert isinstance(options, dict)
    assert options["http1_settings"].header_read_timeout == 5000
    wanted = {
        "workers": 2, "blocking_threads": 18, "backpressure": 99, "respawn_failed_workers": True,
        "respawn_interval": 0.5, "workers_kill_timeout": 30, "websockets": False,
    }  # fmt: skip
    assert {name: options[name] for name in wanted} == wanted


def test_the_log_says_nothing_of_the_caller_that_was_refused(tmp_path: Path) -> None:
    with serving(tmp_path / "log", target="holding", CDS_MAX_IN_FLIGHT="1") as running, held(running, 1):
        running.ask("POST", SELECT, CALL.replace(b"p1", b"secret-patient"), **JSON)
    assert "secret-patient" not in "".join(chain(running.lines))
