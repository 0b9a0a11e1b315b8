"""Debian's own Redis and Postgres on free loopback ports, and small HTTP servers, each stopped after the test."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


@dataclass
class Server:
    """A server of its own process group that can be killed, hung and started again."""

    url: str
    command: list[str]
    answers: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until(self.answers)

    def send(self, number: signal.Signals) -> None:
        """To the server and all its children, by their numbers: Postgres puts each in a process group of its own."""
        assert self.process
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        if self.process is None:
            return
        family = descendants(self.process.pid)
        self.send(signal.SIGKILL)
        self.process.wait(20)
        self.process = None
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))


def descendants(pid: int) -> list[int]:
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def redis_server() -> Iterator[Server]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server (Debian: redis-server)")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Server(f"redis://127.0.0.1:{port}/0", command, lambda: listens(port))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A cluster in a folder of its own; as root it runs as the user postgres, since initdb refuses root."""
    if not _POSTGRES:
        pytest.skip("needs postgresql (Debian: postgresql)")
    folder, port, binaries = Path(tempfile.mkdtemp(prefix="cramp-cds-")), free_port(), _POSTGRES[-1]
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres", "postgres")
    cluster = folder / "cluster"
    made = [binaries / "initdb", "-D", cluster, "-U", "cramp", "--auth", "trust", "--no-sync", "--encoding", "UTF8"]
    subprocess.run([*user, *map(str, made)], check=True, capture_output=True, cwd=folder)
    run = [binaries / "postgres", "-D", cluster, "-p", port, "-h", "127.0.0.1", "-k", folder]
    url = f"postgresql://cramp@127.0.0.1:{port}/postgres"
    server = Server(url, [*user, *map(str, run)], lambda: accepts(binaries, port))
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def accepts(binaries: Path, port: int) -> bool:
    asked = [str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q", "-t", "1"]
    return subprocess.run(asked, check=False).returncode == 0


@dataclass
class Endpoint:
    """An HTTP server that counts its callers and answers what it is told to."""

    answer: Callable[[BaseHTTPRequestHandler], None]
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def endpoint(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[Endpoint]:
    held = Endpoint(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            held.asked.append(self.path)
            held.headers.append(dict(self.headers))
            held.answer(self)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def sends(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(call: BaseHTTPRequestHandler) -> None:
        call.send_response(status)
        for name, value in headers.items():
            call.send_header(name.replace("_", "-"), value)
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body)

    return answer
