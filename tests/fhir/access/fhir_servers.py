"""Servers on the loopback for these tests: one that behaves as told, and one that nobody may ever knock at."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from math import inf
from typing import Any

from cds_service.caller import ClientOptions, FhirBase, FhirRules
from cds_service.fhir import Gathered, fhir_source, gather
from cds_service.hooks import prefetch_templates
from cds_service.pace import Pace
from tests.fhir.fhir_samples import NEEDS, request, terms

TOKEN = "eyJhbGciOiJub25lIn0.s3cr3t-t0ken.x"
Serve = Callable[[socket.socket, str], None]


@dataclass
class Server:
    """Answers each request with `serve(connection, path)`; knows how often somebody connected and what was asked."""

    serve: Serve
    listening: socket.socket
    contacts: int = 0
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.contacts += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            while head := _head(connection):
                path = head.split(" ", 2)[1]
                self.heads.append(head)
                self.asked.append(path)
                self.serve(connection, path)


def _head(connection: socket.socket) -> str:
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(65536)
        if not piece:
            return ""
        read += piece
    return read.decode()


@contextmanager
def served(serve: Serve) -> Iterator[Server]:
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    server = Server(serve, listening)
    thread = threading.Thread(target=server.accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def answer(connection: socket.socket, body: bytes, status: str = "200 OK", *headers: str) -> None:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/fhir+json", *headers]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def never(connection: socket.socket, path: str) -> None:
    raise AssertionError(f"somebody knocked, for {path}")


@cache
def templates() -> dict[str, str]:
    return prefetch_templates(NEEDS, terms().observation_tokens(tuple(terms().tests)))


def fetched(
    base: str,
    values: dict[str, Any],
    drafts: Any = None,
    *,
    named: str | None = None,
    seconds: float = 5.0,
    token: str | None = TOKEN,
    agreed: FhirBase | None = None,
    patient_id: str = "p1",
    client: str = "general-hospital",
    until: float = inf,
    pace: Pace | None = None,
    **rules: Any,
) -> Gathered:
    """What a call comes to whose client may name `base`, and names it, or `named` instead."""
    call = replace(
        request(values, drafts),
        fhir_server=named if named is not None else base,
        access_token=token,
        patient_id=patient_id,
    )
    bases = (agreed or FhirBase(base, private=True, plain_http=True),)
    options = ClientOptions(fhir_bases=bases, fhir_rules=FhirRules(seconds=seconds, **rules))
    pace = pace or Pace()
    return gather(call, NEEDS, fhir_source(call, options, templates, client, until, pace), pace.check)
