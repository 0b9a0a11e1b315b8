"""The real server on a loopback port: ready, the greeting, chunked bodies, many callers, a clean stop."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cds_service.audit import tail
from tests.trust.servers import until

pytestmark = pytest.mark.loopback

ROOT = Path(__file__).resolve().parents[2]
SELECT = "/cds-services/cramp-order-select"
CALL = json.dumps(
    {
        "hook": "order-select",
        "hookInstance": "6c1f0f4e-8f5e-4b1c-9a7d-000000000001",
        "context": {"userId": "Practitioner/1", "patientId": "p1", "draftOrders": {"resourceType": "Bundle"}},
    }
).encode()
FEEDBACK = b'{"feedback":[{"card":"c","outcome":"overridden","outcomeTimestamp":"2026-03-01T10:00:00Z"}]}'
JSON = {"Content-Type": "application/json"}
PROGRAM = (
    "import os; from cds_service.settings import Settings; from cds_service.web.serve import serve; "
    "serve(Settings.load(os.environ), os.environ['TARGET'])"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, port: int, target: str = "build", workers: int = 1, **more: str) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environ |= {"CDS_PORT": str(port), "CDS_DATA_DIR": str(folder), "CDS_WORKERS": str(workers)}
    environ |= {"TARGET": f"tests.http.stub_service:{target}", "CDS_MAX_BODY_BYTES": "1048576", **more}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


class Served:
    def __init__(self, process: subprocess.Popen[str], port: int, folder: Path) -> None:
        self.process, self.port, self.folder = process, port, folder
        self.lines: list[str] = []
        self.greeted = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if "records" in line:
                self.greeted.set()
        self.greeted.set()

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            # A server may answer and hang up before it has taken a body that is too long.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body, headers, encode_chunked="Transfer-Encoding" in headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(40)
        self.reader.join(10)
        assert self.process.stdout is not None
        self.printed = self.process.stdout.read()
        self.process.stdout.close()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@contextmanager
def serving(folder: Path, workers: int = 1, target: str = "build", **more: str) -> Iterator[Served]:
    port = free_port()
    running = Served(start(folder, port, target, workers, **more), port, folder)
    try:
        assert running.greeted.wait(40), running.lines
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "log") as running:
        yield running


def test_it_greets_answers_and_stops(served: Served) -> None:
    text = "\n".join(served.lines)
    assert f"http://127.0.0.1:{served.port}/cds-services" in text
    for word in (
        "profile sandbox",
        "curl",
        "cramp-order-sign",
        "serviceDiscoveryURL=http%3A%2F%2F",
        "no JWT needed",
        "CORS: *",
    ):
        assert word in text
    assert served.ask("POST", SELECT, CALL, **JSON) == (200, b'{"cards":[]}')
    assert served.stop() == 0
    assert served.printed == ""
    requests = [json.loads(line) for line in served.lines if line.startswith("{")]
    assert [line["status"] for line in requests] == [200]


def test_bodies_of_every_length_and_form(served: Served) -> None:
    pieces = [CALL[:50], CALL[50:]]
    assert served.ask("POST", SELECT, iter(pieces), **JSON, **{"Transfer-Encoding": "chunked"})[0] == 200
    too_long = iter([b" " * 65_536] * 20)
    assert served.ask("POST", SELECT, too_long, **JSON, **{"Transfer-Encoding": "chunked"})[0] == 413
    assert served.ask("POST", SELECT, b" " * 1_048_577, **JSON)[0] == 413
    assert served.ask("POST", SELECT, b" " * 1_048_576, **JSON)[0] == 400
    assert served.ask("POST", "//cds-services//cramp-order-select", CALL, **JSON)[0] == 200
    assert served.ask("POST", "/cds-services/..%2f..%2fetc", CALL, **JSON)[0] == 404


def test_many_callers_at_once_lose_no_record(served: Served) -> None:
    with ThreadPoolExecutor(24) as pool:
        statuses = list(pool.map(lambda _: served.ask("POST", SELECT + "/feedback", FEEDBACK, **JSON)[0], range(150)))
    assert statuses == [204] * 150
    assert len(tail(served.folder, 1000).records) == 150


def test_two_workers_share_the_journal(tmp_path: Path) -> None:
    with serving(tmp_path / "log", workers=2) as running:
        for _ in range(40):
            assert running.ask("POST", SELECT + "/feedback", FEEDBACK, **JSON)[0] == 204
        assert running.stop() == 0
    assert len(tail(tmp_path / "log", 1000).records) == 40


def test_a_worker_told_to_stop_while_it_loads_ends_when_it_has_loaded(tmp_path: Path) -> None:
    port = free_port()
    running = Served(start(tmp_path / "log", port, target="slow", workers=2), port, tmp_path / "log")
    until((tmp_path / "log" / "loading").exists)
    begun = time.monotonic()
    assert running.stop() == 0
    assert time.monotonic() - begun < 15  # not killed after half a minute


def test_workers_that_cannot_start_end_the_server(tmp_path: Path) -> None:
    port = free_port()
    running = Served(start(tmp_path / "log", port, target="broken"), port, tmp_path / "log")
    code = running.process.wait(40)
    running.reader.join(10)
    for stream in (running.process.stdout, running.process.stderr):
        assert stream is not None
        stream.close()
    assert code != 0
    assert not any("discovery" in line for line in running.lines)
