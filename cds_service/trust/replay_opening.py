"""Which replay store the settings ask for, and the host's own store behind a shared one."""

from collections.abc import Callable
from pathlib import Path

from cds_service.trust.replay import LEEWAY_SECONDS, MemoryStore, ReplayStore, Sight, StoreDown, Verdict
from cds_service.trust.replay_file import FileStore

FILE_NAME = "replay.sqlite"
_BREAK_SECONDS = 5.0


class SharedStore:
    """A store shared by several hosts, with this host's own beside it.

    Every token is noted here first, then in the shared store, so that a host knows its own tokens whatever happens to
    the other. While the shared store is away it is asked again every five seconds and this host's own answer counts:
    a token used on another host could then be used once more here.
    """

    def __init__(self, shared: ReplayStore, own: ReplayStore, monotonic: Callable[[], float]) -> None:
        self._shared, self._own, self._monotonic = shared, own, monotonic
        self._ask_again = float("-inf")
        self.alone = 0

    def spend(self, sight: Sight, now: float) -> Verdict:
        """See `ReplayStore`. Raises `StoreDown` when neither store can be written."""
        try:
            here: Verdict | None = self._own.spend(sight, now)
        except StoreDown:
            here = None
        if here == "seen":
            return here
        there = self._ask_shared(sight, now)
        if there is None and here is None:
            raise StoreDown("neither the shared store nor this host's own can be written")
        if there is None:
            self.alone += 1
        return there or here or "seen"

    def _ask_shared(self, sight: Sight, now: float) -> Verdict | None:
        if self._monotonic() < self._ask_again:
            return None
        try:
            return self._shared.spend(sight, now)
        except StoreDown:
            self._ask_again = self._monotonic() + _BREAK_SECONDS
            return None

    def state(self) -> str:
        """See `ReplayStore`."""
        away = self._monotonic() < self._ask_again
        shared = f"{self._shared.state()} ({'away' if away else 'in use'})"
        return f"{shared}, {self.alone} calls without it; {self._own.state()}"

    def close(self) -> None:
        """See `ReplayStore`."""
        self._shared.close()
        self._own.close()


def open_replay(
    where: str, data_dir: Path, now: float, monotonic: Callable[[], float], longest_lifetime: int
) -> ReplayStore:
    """The store that `CDS_REPLAY_STORE` names: memory, sqlite, or the address of Redis or Postgres."""
    if where == "memory":
        return MemoryStore(now, monotonic)
    own = FileStore(data_dir / FILE_NAME, now, monotonic, longest_lifetime + 2 * LEEWAY_SECONDS)
    if where == "sqlite":
        return own
    return SharedStore(_shared(where, monotonic), own, monotonic)


def _shared(where: str, monotonic: Callable[[], float]) -> ReplayStore:
    if where.startswith("redis"):
        from cds_service.trust.replay_redis import RedisStore

        return RedisStore(where)
    from cds_service.trust.replay_postgres import PostgresStore

    return PostgresStore(where, monotonic)
