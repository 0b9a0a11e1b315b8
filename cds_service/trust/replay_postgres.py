"""Used tokens in an unlogged table of Postgres, for several hosts."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from cds_service.trust.refusals import ConfigurationError
from cds_service.trust.replay import LEEWAY_SECONDS, PURGE_EVERY, Sight, StoreDown, Verdict, judged

if TYPE_CHECKING:
    from psycopg import Connection

_SECONDS = 1.0
_SPARE_SECONDS = 3600
_NONCE_BYTES = 8
_THREADS = 4
# Several hosts may begin at the same moment, which CREATE ... IF NOT EXISTS alone does not survive: hence the lock.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('cramp_cds_replay'))"
_SEEN_TABLE = """
CREATE UNLOGGED TABLE IF NOT EXISTS cramp_cds_replay (
    key bytea PRIMARY KEY, until timestamptz NOT NULL, mark bytea NOT NULL
)"""
_MEMORY_TABLE = """
CREATE UNLOGGED TABLE IF NOT EXISTS cramp_cds_replay_memory (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), started double precision NOT NULL
)"""
# A crash of the server empties both tables together, and a standby has neither: no row means that memory was lost.
_BEGIN = (
    "INSERT INTO cramp_cds_replay_memory (started) VALUES (%s) ON CONFLICT (one) DO UPDATE SET one = true "
    "RETURNING started"
)
_SPEND = """
WITH mine AS (
    INSERT INTO cramp_cds_replay VALUES (%(key)s, now() + make_interval(secs => %(life)s), %(mark)s)
    ON CONFLICT (key) DO NOTHING RETURNING mark
)
SELECT (SELECT started FROM cramp_cds_replay_memory), (SELECT mark FROM mine)
"""
_HELD = "SELECT mark FROM cramp_cds_replay WHERE key = %s"
_PURGE = "DELETE FROM cramp_cds_replay WHERE until < now()"


class PostgresStore:
    """See `replay.ReplayStore`.

    Each question runs on a thread of the store's own, so that a server that hangs costs a call one second at most.
    """

    def __init__(self, url: str, monotonic: Callable[[], float]) -> None:
        try:
            import psycopg
        except ImportError:
            raise ConfigurationError(
                ["CDS_REPLAY_STORE names Postgres, but its driver is missing; install it with the extra [postgres]."]
            ) from None
        self._url, self._monotonic = url, monotonic
        self._failure, self._connect = psycopg.Error, psycopg.connect
        self._idle: SimpleQueue[Connection[Any]] = SimpleQueue()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="replay")
        self._waiting = threading.BoundedSemaphore(4 * _THREADS)
        self._purged_at = monotonic()

    def spend(self, sight: Sight, now: float) -> Verdict:
        """See `ReplayStore`."""
        if not self._waiting.acquire(blocking=False):
            raise StoreDown("Postgres: too many calls wait")
        asked = self._threads.submit(self._ask, sight, now, secrets.token_bytes(_NONCE_BYTES))
        asked.add_done_callback(lambda _: self._waiting.release())
        try:
            return asked.result(_SECONDS)
        except TooSlow:
            asked.cancel()
            raise StoreDown("Postgres: no answer in time") from None
        except self._failure as error:
            raise StoreDown(f"Postgres: {type(error).__name__}") from error

    def _ask(self, sight: Sight, now: float, nonce: bytes) -> Verdict:
        """Once, and once more over a new connection: an idle one may be gone; the nonce tells our own first try."""
        try:
            return self._asked(self._idle.get_nowait(), sight, now, nonce)
        except (Empty, self._failure):
            return self._asked(self._opened(), sight, now, nonce)

    def _asked(self, connection: "Connection[Any]", sight: Sight, now: float, nonce: bytes) -> Verdict:
        try:
            verdict = self._spend(connection, sight, now, nonce)
        except self._failure:
            connection.close()
            raise
        self._idle.put(connection)
        return verdict

    def _spend(self, connection: "Connection[Any]", sight: Sight, now: float, nonce: bytes) -> Verdict:
        life = max(1.0, sight.until - now) + _SPARE_SECONDS
        row = connection.execute(_SPEND, {"key": sight.key, "life": life, "mark": nonce + sight.body}).fetchone()
        started, mark = row or (None, None)
        if started is None:
            (started,) = connection.execute(_BEGIN, (now,)).fetchone() or (now,)
        if sight.issued < started - LEEWAY_SECONDS:
            return "seen"
        if mark is None:
            held = connection.execute(_HELD, (sight.key,)).fetchone()
            mark = held[0] if held else b""
        self._purge(connection)
        return "new" if mark[:_NONCE_BYTES] == nonce else judged(mark[_NONCE_BYTES:], sight.body)

    def _purge(self, connection: "Connection[Any]") -> None:
        tick = self._monotonic()
        if tick - self._purged_at >= PURGE_EVERY:
            self._purged_at = tick
            with suppress(self._failure):
                connection.execute(_PURGE)

    def _opened(self) -> "Connection[Any]":
        connection = self._connect(
            self._url,
            autocommit=True,
            connect_timeout=1,
            options="-c statement_timeout=800 -c lock_timeout=800 -c synchronous_commit=off",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            application_name="cramp-cds",
        )
        with connection.transaction():
            for statement in (_LOCK, _SEEN_TABLE, _MEMORY_TABLE):
                connection.execute(statement)
        return connection

    def state(self) -> str:
        """See `ReplayStore`."""
        return "Postgres"

    def close(self) -> None:
        """See `ReplayStore`."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return
