"""The same over a loopback socket: CPU of the whole process tree of a server, divided by the requests it answered."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench import healthchain_peer
from tests.bench.wsgi import PATH

_TICK = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).parents[2]


def measured(body: bytes, folder: Path, rounds: int, requests: int, with_peer: bool) -> dict[str, float]:
    """CPU microseconds per request of each server, median of the rounds; the servers run all the time, in turns."""
    found: dict[str, list[float]] = {}
    with _all(folder, with_peer) as servers:
        for _ in range(rounds):
            for name, (process, port, path) in servers.items():
                found.setdefault(name, []).append(_round(process.pid, port, path, body, requests))
    return {name: median(values) for name, values in found.items()}


@contextmanager
def _all(folder: Path, with_peer: bool) -> Iterator[Mapping[str, tuple[subprocess.Popen[bytes], int, str]]]:
    started: dict[str, tuple[subprocess.Popen[bytes], int, str]] = {}
    try:
        port = _free_port()
        ours = {"CDS_PORT": str(port), "CDS_DATA_DIR": str(folder)}
        command = [sys.executable, "-c", "from cds_service.cli import main; main()", "serve"]
        started["service on granian, with its journal"] = _start(command, ours, port, PATH)
        if with_peer:
            port = _free_port()
            child = Path(__file__).with_name("healthchain_child.py")
            command = [str(healthchain_peer.environment()), str(child), "serve", str(port)]
            started["healthchain on uvicorn"] = _start(command, {}, port, healthchain_peer.PATH)
        yield started
    finally:
        for process, _, _ in started.values():
            process.terminate()
            process.wait(20)


def _start(
    command: Sequence[str], environ: Mapping[str, str], port: int, path: str
) -> tuple[subprocess.Popen[bytes], int, str]:
    process = subprocess.Popen(
        command, env={**os.environ, **environ}, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, port, path
        time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"{command[0]} did not open port {port}")


def _round(pid: int, port: int, path: str, body: bytes, requests: int) -> float:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    _post(link, path, body)
    before = _cpu(pid)
    for _ in range(requests):
        _post(link, path, body)
    spent = _cpu(pid) - before
    link.close()
    return spent * 1e6 / requests


def _post(link: http.client.HTTPConnection, path: str, body: bytes) -> None:
    link.request("POST", path, body, {"Content-Type": "application/json"})
    answer = link.getresponse()
    told = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {told[:300]!r}")


def _cpu(pid: int) -> float:
    """CPU seconds of a process and all its descendants."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / _TICK
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(_cpu(int(child)) for child in children)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
