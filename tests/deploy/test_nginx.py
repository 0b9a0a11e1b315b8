"""The example proxy for real: Debian's nginx with the file as shipped but for ports, paths and certificate."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cds_service.settings import Settings
from tests.trust.servers import free_port, listens, until

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
COMMAND = [sys.executable, "-c", "from cds_service.cli import main; main()"]
CALL = "/cds-services/cramp-patient-view"
ORIGIN = "https://ehr.example.org"
BODY = json.dumps(
    {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/1", "patientId": "1"},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "1"},
            "medications": {"resourceType": "Bundle", "type": "searchset"},
        },
    }
).encode()


@dataclass(frozen=True)
class Proxy:
    port: int
    service: int
    folder: Path

    def connect(self) -> http.client.HTTPSConnection:
        trust = ssl.create_default_context(cafile=self.folder / "cert.pem")
        return http.client.HTTPSConnection("localhost", self.port, timeout=30, context=trust)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        connection = self.connect()
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", "Origin": ORIGIN})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


def replaced(pairs: dict[str, str]) -> str:
    """The shipped file with these pieces replaced, each of which must stand there once."""
    conf = SHIPPED
    for old, new in pairs.items():
        assert conf.count(old) == 1, old
        conf = conf.replace(old, new)
    return conf


def configuration(folder: Path, port: int, service: int) -> Path:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    conf = replaced({
        "worker_processes auto": "worker_processes 1",
        "pid /run/nginx.pid;": f"pid {folder}/nginx.pid;",
        "/var/log/nginx/error.log crit": f"{folder}/error.log warn",  # tells of bodies written to a file
        "/var/log/nginx/cramp-cds.log": f"{folder}/access.log",
        "127.0.0.1:8080": f"127.0.0.1:{service}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/cramp-cds/fullchain.pem": f"{folder}/cert.pem",
        "/etc/ssl/cramp-cds/key.pem": f"{folder}/key.pem",
        "/dev/shm/cramp-cds-body": f"{folder}/body",
    })  # fmt: skip
    path = folder / "nginx.conf"
    path.write_text(conf, encoding="utf-8")
    return path


def nginx(path: Path, *arguments: str) -> list[str]:
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or ""
    # Workers of another user could not enter the test's folder.
    user = "user root; " if os.geteuid() == 0 else ""
    return [program, "-e", str(path.parent / "start.log"), "-g", f"{user}daemon off;", "-c", str(path), *arguments]


@contextmanager
def running(command: list[str], port: int, environ: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), 60)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if not shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or not shutil.which("openssl"):
        pytest.skip("needs nginx and openssl (Debian: nginx-light, openssl)")
    folder = tmp_path_factory.mktemp("nginx")
    found = Proxy(free_port(), free_port(), folder)
    path = configuration(folder, found.port, found.service)
    checked = subprocess.run(nginx(path, "-t"), capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    environ = {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "CDS_PORT": str(found.service),
        "CDS_DATA_DIR": str(folder / "data"),
    }
    with running(nginx(path), found.port, environ):
        assert found.ask("GET", "/readyz")[0] == 502  # nothing behind it yet
        with running([*COMMAND, "serve"], found.service, environ):
            until(lambda: found.ask("GET", "/readyz")[0] == 200, 60)
            yield found


def test_the_sizes_are_those_of_the_settings() -> None:
    size = Settings.load({}).max_body_bytes
    for name in ("client_max_body_size", "client_body_buffer_size"):
        assert f"{name} {size};" in SHIPPED
    assert f"larger than {size} bytes" in SHIPPED


@pytest.mark.loopback
def test_a_call_passes_and_an_idle_connection_behind_it_does_no_harm(proxy: Proxy) -> None:
    for pause in (0.0, 5.5):
        time.sleep(pause)
        status, headers, body = proxy.ask("POST", CALL, BODY)
        assert status == 200
        assert "cards" in json.loads(body)
        assert headers["access-control-allow-origin"] == "*"  # the service's own, once


@pytest.mark.loopback
def test_unfinished_bodies_hold_nobody_else_up_and_are_cut_off(proxy: Proxy) -> None:
    head = (
        f"POST {CALL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n"
    )
    with ExitStack() as stack:
        slow = [stack.enter_context(socket_of(proxy)) for _ in range(20)]
        for one in slow:
            one.sendall(head.encode() + b"{" * 40_000)
        for _ in range(10):
            start = time.monotonic()
            assert proxy.ask("POST", CALL, BODY)[0] == 200
            assert time.monotonic() - start < 2
        start = time.monotonic()
        assert {one.recv(100) for one in slow} == {b""}  # closed without an answer
        assert time.monotonic() - start < 8


def socket_of(proxy: Proxy) -> ssl.SSLSocket:
    trust = ssl.create_default_context(cafile=proxy.folder / "cert.pem")
    plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=20)
    return trust.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.loopback
def test_the_largest_body_stays_in_memory_and_a_larger_one_gets_an_outcome(proxy: Proxy) -> None:
    largest = BODY + b" " * (8_000_000 - len(BODY))
    assert proxy.ask("POST", CALL, largest)[0] == 200
    assert "temporary file" not in (proxy.folder / "error.log").read_text()
    status, headers, body = proxy.ask("POST", CALL, b" " * 8_000_001)
    assert status == 413
    assert headers["content-type"] == "application/json"
    assert headers["access-control-allow-origin"] == ORIGIN
    assert headers["vary"] == "Origin"
    assert json.loads(body)["issue"][0]["code"] == "too-long"


@pytest.mark.loopback
def test_own_errors_of_the_service_pass_and_the_log_holds_no_query(proxy: Proxy) -> None:
    status, headers, body = proxy.ask("POST", "/cds-services/unknown?secret=word", BODY)
    assert status == 404
    assert headers["access-control-allow-origin"] == "*"
    assert json.loads(body)["resourceType"] == "OperationOutcome"
    for path in ("/readyz?verbose", "/readyz/?verbose", "/readyz%2f?verbose", "//readyz?verbose"):
        assert proxy.ask("GET", path)[2] == proxy.ask("GET", "/readyz")[2], path
    log = (proxy.folder / "access.log").read_text()
    assert "/cds-services/unknown 404" in log
    assert "secret" not in log


@pytest.mark.loopback
def test_a_dead_service_gives_an_outcome_that_browsers_can_read(proxy: Proxy, tmp_path: Path) -> None:
    port = free_port()
    alone = Proxy(port, free_port(), tmp_path)
    path = configuration(tmp_path, port, alone.service)
    with running(nginx(path), port, dict(os.environ)):
        status, headers, body = alone.ask("POST", CALL, BODY)
    assert status == 502
    assert headers["retry-after"] == "2"
    assert headers["access-control-allow-origin"] == ORIGIN
    assert json.loads(body)["issue"][0]["code"] == "transient"


@pytest.mark.loopback
def test_headers_too_long_get_an_outcome_and_a_long_token_does_not(proxy: Proxy) -> None:
    for length, wanted in ((16_384, 200), (30_000, 400)):
        connection = proxy.connect()
        connection.request("GET", "/cds-services", headers={"Authorization": "Bearer " + "a" * length})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        assert answer.status == wanted
    assert body["resourceType"] == "OperationOutcome"
