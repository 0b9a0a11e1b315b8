"""A service in production for real: granian on a free loopback port, watched from outside only."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from cds_service.audit import tail
from cds_service.simulation.fixtures import patients
from tests.trust.issuing import BASE, ISSUER, key_pair, sign, write_clients
from tests.trust.servers import descendants, free_port, listens, until

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from cds_service.cli import main; main()"]
SIGN = "/cds-services/cramp-order-sign"
VIEW = "/cds-services/cramp-patient-view"
FEEDBACK = SIGN + "/feedback"
OTHER = "https://other.example.org"


def person(name: str) -> dict[str, Any]:
    """The call of a synthetic patient, as of today: a running service goes by the clock on the wall."""
    return next(one.request for one in patients(datetime.now(UTC)) if one.name == name)


@dataclass(frozen=True)
class Told:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A service that runs, and everything it leaves behind in `folder`."""

    port: int
    folder: Path
    pid: int

    def token(self, path: str = SIGN, issuer: str = ISSUER, **changes: object) -> str:
        """A good token for an address, but for the changes."""
        now = int(time.time())
        claims = {"iss": issuer, "aud": BASE + path, "iat": now, "exp": now + 300, "jti": str(uuid4()), **changes}
        return sign({name: value for name, value in claims.items() if value is not None}, key_pair("ES384"))

    def ask(
        self,
        path: str,
        body: object,
        headers: Sequence[tuple[str, str]] = (),
        token: str | None = "",
        method: str = "POST",
    ) -> Told:
        """One call on a connection of its own. `token`: "" for a good one, None for none at all."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.lower() for name, _ in headers}
        given = [*headers, ("Content-Length", str(len(raw)))]
        given += [] if "content-type" in named else [("Content-Type", "application/json")]
        if token is not None and "authorization" not in named:
            given.append(("Authorization", f"Bearer {token or self.token(path)}"))
        head = "".join(f"{name}: {value}\r\n" for name, value in given)
        said = f"{method} {path} HTTP/1.1\r\nHost: cds.example.org\r\nConnection: close\r\n{head}\r\n".encode()
        begun = time.perf_counter()
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            # A server may answer and hang up before it has taken a body that is too long.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(said + raw)
            answer = http.client.HTTPResponse(connection, method=method)
            answer.begin()
            held = answer.read()
        spent = time.perf_counter() - begun
        return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()}, held, spent)

    def log(self) -> list[str]:
        """The lines that the service has printed, those of its start apart."""
        return [line for line in (self.folder / "printed").read_text(encoding="utf-8").split("\n") if line[:1] == "{"]

    def printed(self) -> str:
        return (self.folder / "printed").read_text(encoding="utf-8")

    def records(self) -> list[dict[str, Any]]:
        return tail(self.folder / "data", 100_000).records

    def megabytes(self) -> float:
        """What the service and its workers hold in memory."""
        pages = 0
        for pid in (self.pid, *descendants(self.pid)):
            with contextlib.suppress(OSError):
                pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Running]:
    """A service started for a test and stopped after it; production unless `environ` says otherwise."""
    port = free_port()
    for name in ("data", "temporary"):
        (folder / name).mkdir()
    clients = write_clients(
        folder,
        {"shows_drafts": True, "findings_extension": True, "rate_per_minute": 100_000},
        {"name": "other", "issuer": OTHER, "shows_drafts": True},
    )
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    given = {
        "CDS_PROFILE": "production", "CDS_BASE_URL": BASE, "CDS_CLIENTS_FILE": str(clients), "CDS_PORT": str(port),
        "CDS_DATA_DIR": str(folder / "data"), "TMPDIR": str(folder / "temporary"), "PYTHONPATH": str(ROOT),
        "CDS_LOG_LEVEL": "debug",
    }  # fmt: skip
    with (folder / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [*COMMAND, "serve"], env={**inherited, **given, **environ}, cwd=folder, stdout=printed, stderr=printed
        )
        try:
            until(lambda: listens(port) and "records" in (folder / "printed").read_text(), 60)
            yield Running(port, folder, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(40)
