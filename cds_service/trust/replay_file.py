"""Used tokens in a SQLite file, for several workers on one host."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from cds_service.trust.replay import LEEWAY_SECONDS, PURGE_EVERY, Sight, StoreDown, Verdict, judged

_BUSY_SECONDS = 1.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# A rollback journal, because several writers share the file: SQLite up to 3.51.2 can lose pages in WAL mode.
# Nothing is forced to the disk: after a crash of the machine the boot has another id, and older tokens are refused.
_TABLES = """
PRAGMA journal_mode = PERSIST;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS seen (
    key BLOB PRIMARY KEY, until REAL NOT NULL, ticks REAL NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT, started REAL, purged_to REAL);
"""
# One statement, so that a file is locked once for a token: nothing is noted for one too old to be told from its copy.
_NOTE = """
INSERT INTO seen SELECT ?, ?, ?, ? FROM memory WHERE ? >= started AND ? > purged_to ON CONFLICT DO NOTHING
"""
_HELD = "SELECT body FROM seen, memory WHERE key = ? AND ? >= started AND ? > purged_to"


class FileStore:
    """See `replay.ReplayStore`. The file is made when missing, readable by its owner only."""

    def __init__(self, path: Path, now: float, monotonic: Callable[[], float], longest: float) -> None:
        """`longest` is the longest time in seconds that any token must be remembered."""
        self._path, self._monotonic, self._longest = path, monotonic, longest
        self._connection: sqlite3.Connection | None = None
        self._purged_at = monotonic()
        self._lock = threading.Lock()
        with suppress(StoreDown), self._lock:
            self._open(now)

    def spend(self, sight: Sight, now: float) -> Verdict:
        """See `ReplayStore`."""
        if not self._lock.acquire(timeout=_BUSY_SECONDS):
            raise StoreDown(f"{self._path.name}: the disk does not answer")
        try:
            return self._spend(self._connection or self._open(now), sight, now)
        except sqlite3.Error as error:
            self._drop()
            raise StoreDown(f"{self._path.name}: {error}") from error
        finally:
            self._lock.release()

    def _spend(self, connection: sqlite3.Connection, sight: Sight, now: float) -> Verdict:
        tick = self._monotonic()
        if tick - self._purged_at >= PURGE_EVERY:
            self._purge(connection, now, tick)
        row = (sight.key, sight.until, tick + sight.until - now, sight.body)
        if connection.execute(_NOTE, (*row, sight.issued + LEEWAY_SECONDS, sight.until)).rowcount == 1:
            return "new"
        held = connection.execute(_HELD, (sight.key, sight.issued + LEEWAY_SECONDS, sight.until)).fetchone()
        return judged(held[0], sight.body) if held else "seen"

    def _purge(self, connection: sqlite3.Connection, now: float, tick: float) -> None:
        """Forget what both clocks call over, and remember up to when nothing can be told any more."""
        self._purged_at = tick
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            over = (now, tick)
            connection.execute(
                "UPDATE memory SET purged_to = max(purged_to, "
                "coalesce((SELECT max(until) FROM seen WHERE until <= ? AND ticks <= ?), 0))",
                over,
            )
            connection.execute("DELETE FROM seen WHERE until <= ? AND ticks <= ?", over)

    def _open(self, now: float) -> sqlite3.Connection:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(_Locked(self._path.with_suffix(".lock"))):
                self._connection = self._opened_or_anew(now)
        except (sqlite3.Error, OSError) as error:
            raise StoreDown(f"{self._path.name}: {error}") from error
        return self._connection

    def _opened_or_anew(self, now: float) -> sqlite3.Connection:
        try:
            return self._opened(now)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # torn by a crash of the machine: begin anew, which refuses older tokens
            self._path.replace(self._path.with_suffix(".broken"))
            return self._opened(now)

    def _opened(self, now: float) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.executescript(_TABLES)
            if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("the file is damaged")
            self._begin(connection, now)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _begin(self, connection: sqlite3.Connection, now: float) -> None:
        """A new file, or another boot of the machine: tokens issued before this moment are refused."""
        boot = _BOOT.read_text().strip() if _BOOT.exists() else ""
        held = connection.execute("SELECT boot FROM memory").fetchone()
        if held is None:
            connection.execute("INSERT INTO memory VALUES (1, ?, ?, 0)", (boot, now))
        elif held[0] != boot:
            connection.execute("UPDATE memory SET boot = ?, started = ?", (boot, now))
            # The clock that counts from the boot began again: what is kept, is kept for the longest life.
            connection.execute("UPDATE seen SET ticks = ?", (self._monotonic() + self._longest,))

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None

    def state(self) -> str:
        """See `ReplayStore`."""
        return f"file of this host ({'open' if self._connection else 'cannot be written'})"

    def close(self) -> None:
        """See `ReplayStore`."""
        with self._lock:
            self._drop()


class _Locked:
    """A lock file held until closed: only one process at a time opens, mends or begins the store."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def close(self) -> None:
        os.close(self._file)
