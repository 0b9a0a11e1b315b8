"""The one client that asks FHIR servers: GET only, below one base, with the caller's token, in a bounded time.

Nothing comes from the environment: no proxy, netrc or certificates. No cookie is kept, no redirect followed, no
compressed answer read. A time limit of the socket starts anew with every byte, so the limit of the whole call is
enforced from outside: the work is done in threads of its own, and a socket that is late is shut down.
"""

import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from cds_service.fhir.bases import Permission, below, may_connect
from cds_service.fhir.pages import Failure

MOST_BYTES = 2_000_000
_MOST_SERVERS = 64  # whose idle connections are kept
_PIECE = 65_536
_CONNECT_SECONDS = 1.0
# It writes addresses into its lines, and an address holds the patient's id.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)
_HEADERS = {"Accept": "application/fhir+json", "Accept-Encoding": "identity", "User-Agent": "cramp-cds"}


@dataclass(frozen=True, slots=True)
class Access:
    """What one call may read: where, with which token, until when (monotonic seconds)."""

    to: Permission
    token: str = field(repr=False)
    until: float
    ca_file: str = ""

    @property
    def remaining(self) -> float:
        """Seconds that are left, 0 when none are."""
        return max(self.until - monotonic(), 0.0)


class Inquiry:
    """One question under way: it can be cut off from another thread, which shuts its socket down."""

    def __init__(self, access: Access, url: str) -> None:
        self.access = access
        self.url = url
        self.answer: Future[bytes | Failure] = Future()
        self.connected = False  # whether a connection was opened for it; else it used one that had been idle
        self.answered = False  # whether the head of an answer came
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_over = False

    def hold(self, used: socket.socket) -> None:
        """Remember the socket in use; raises when it goes where it must not, or when the time is over."""
        with self._lock:
            if self._is_over:
                raise _Stopped("fetch-timeout")
            self._socket = used
        if not may_connect(used.getpeername()[0], self.access.to.private):
            raise _Stopped("fetch-blocked")

    def cut(self) -> None:
        """End it: what blocks on the socket wakes up, what has not begun never will."""
        with self._lock:
            self._is_over = True
            if self._socket is not None:
                # Not the method of a TLS socket, which would change what the other thread is reading from.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def let_go(self) -> None:
        """The socket may serve others now."""
        with self._lock:
            self._socket = None

    def connect(self, host: str, port: int) -> socket.socket:
        """A socket to the host, opened only if every address of that name may be connected to."""
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        if not all(may_connect(str(address[0]), self.access.to.private) for *_, address in found):
            raise _Stopped("fetch-blocked")
        for family, kind, protocol, _, address in found:
            opened = socket.socket(family, kind, protocol)
            try:
                opened.settimeout(max(min(_CONNECT_SECONDS, self.access.remaining), 0.01))
                opened.connect(address)
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.hold(opened)
            except OSError:
                opened.close()
                continue
            except _Stopped:
                opened.close()
                raise
            self.connected = True
            return opened
        raise _Stopped("fetch-timeout" if not self.access.remaining else "fetch-failed")


class _Stopped(Exception):
    """An inquiry ends here, for a reason of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Here(threading.local):
    inquiry: Inquiry


_here = _Here()


class _Connection(HTTPConnection):
    """A connection that opens its socket through the inquiry it serves, and shows it to each one that uses it again."""

    def _new_conn(self) -> socket.socket:
        return _here.inquiry.connect(self.host, self.port or self.default_port)

    def request(self, *args: Any, **named: Any) -> None:
        if self.sock is not None:
            _here.inquiry.hold(self.sock)
        super().request(*args, **named)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: even to know the next address, the library would read the whole body of a redirect."""


class Inquirer:
    """Asks FHIR servers: one session and one pool of threads for a whole process."""

    def __init__(self, threads: int) -> None:
        self._session = _session(threads)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="fhir")

    def begin(self, inquiry: Inquiry, then: Callable[[], None]) -> None:
        """Begin to read. The `answer` becomes the body of a 200, or a `Failure`; it never raises.

        `then` is called when no thread works for it any more, which may be later than its answer is awaited.
        """
        try:
            self._threads.submit(self._run, inquiry, then)
        except RuntimeError:  # the system gives no more threads, or the process is ending
            inquiry.cut()  # it stands in the queue all the same
            _settle(inquiry, Failure("fetch-busy"), then)

    def close(self) -> None:
        """Close the connections and end the threads."""
        self._threads.shutdown(cancel_futures=True)
        self._session.close()

    def _run(self, inquiry: Inquiry, then: Callable[[], None]) -> None:
        _here.inquiry = inquiry
        try:
            found = self._read(inquiry)
            if found == Failure("fetch-failed") and not inquiry.connected and inquiry.access.remaining:
                found = self._read(inquiry)  # the server had closed a connection that was kept
        except Exception:  # never its words: they may hold the address or the token
            found = Failure("fetch-failed")
        finally:
            inquiry.let_go()
            del _here.inquiry
        _settle(inquiry, found, then)

    def _read(self, inquiry: Inquiry) -> bytes | Failure:
        access = inquiry.access
        if not access.remaining:
            return Failure("fetch-timeout")
        if below(inquiry.url, access.to.base) is None:
            return Failure("fetch-blocked")
        try:
            headers = {**_HEADERS, "Authorization": f"Bearer {access.token}"}
            prepared = requests.Request("GET", inquiry.url, headers=headers).prepare()
            if below(prepared.url or "", access.to.base) is None:
                return Failure("fetch-blocked")
            seconds = max(access.remaining, 0.01)
            with self._session.send(
                prepared,
                stream=True,
                allow_redirects=False,
                timeout=(min(_CONNECT_SECONDS, seconds), seconds),
                verify=access.ca_file or True,
            ) as answer:
                inquiry.answered = True
                return _body(answer, access)
        except _Stopped as stopped:
            return Failure(stopped.reason)
        except (requests.RequestException, HTTPError, OSError):
            return Failure("fetch-failed" if access.remaining else "fetch-timeout")


def _settle(inquiry: Inquiry, found: bytes | Failure, then: Callable[[], None]) -> None:
    """Give the answer, unless one was given before."""
    try:
        inquiry.answer.set_result(found)
    except InvalidStateError:
        return
    then()


def _session(threads: int) -> requests.Session:
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_connections=_MOST_SERVERS, pool_maxsize=threads, max_retries=0))
    return session


def _body(answer: requests.Response, access: Access) -> bytes | Failure:
    """The body of a 200; the bodies of other answers are not even read."""
    status = answer.status_code
    if status != 200:
        return Failure(_reason(status))
    if answer.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return Failure("fetch-garbage")
    body = bytearray()
    for piece in answer.raw.stream(_PIECE, decode_content=False):
        body += piece
        if len(body) > MOST_BYTES:
            return Failure("fetch-too-large")
        if not access.remaining:
            return Failure("fetch-timeout")
    return bytes(body)


def _reason(status: int) -> str:
    if 300 <= status < 400:
        return "fetch-redirect"
    if status in (401, 403):
        return "fetch-refused"
    return "fetch-not-found" if status in (404, 410) else "fetch-failed"


@cache
def inquirer(threads: int) -> Inquirer:
    """The inquirer of this process; made when first asked for, so that a worker that never fetches has none."""
    return Inquirer(threads)
