"""Which tokens were used already: the store's promise, and the store in memory for a single worker."""

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

LEEWAY_SECONDS = 60
PURGE_EVERY = 60.0
Verdict = Literal["new", "repeat", "seen"]


class Sight(NamedTuple):
    """A token as a store sees it: `key` stands for issuer and jti; `issued`, `until` in seconds since 1970.

    `body` is a keyed digest of the call where the client may repeat it, else empty.
    """

    key: bytes
    issued: float
    until: float
    body: bytes


class StoreDown(Exception):
    """The store cannot say or keep anything now."""


class ReplayStore(Protocol):
    """Remembers each token until its life is over, by the wall clock and by the one that nobody can set.

    A store that lost its memory (new, restarted, crashed) sees every token issued before that moment, less the usual
    leeway between clocks, as used.
    """

    def spend(self, sight: Sight, now: float) -> Verdict:
        """Note a token: "new", "repeat" of the same call, or "seen", in one step that cannot be split.

        Raises `StoreDown`.
        """

    def state(self) -> str:
        """One sentence for people: which store, and how it does."""

    def close(self) -> None:
        """Let go of files and connections."""


class MemoryStore:
    """For one worker. What it knows ends with the process."""

    def __init__(self, started: float, monotonic: Callable[[], float]) -> None:
        self._oldest = started - LEEWAY_SECONDS
        self._monotonic = monotonic
        self._seen: dict[bytes, tuple[float, float, bytes]] = {}
        self._purged_at = monotonic()
        self._purged_to = 0.0
        self._lock = threading.Lock()

    def spend(self, sight: Sight, now: float) -> Verdict:
        """See `ReplayStore`."""
        tick = self._monotonic()
        with self._lock:
            if tick - self._purged_at >= PURGE_EVERY:
                self._purge(now, tick)
            if sight.issued < self._oldest or sight.until <= self._purged_to:
                return "seen"
            held = self._seen.setdefault(sight.key, fresh := (sight.until, tick + sight.until - now, sight.body))
        return "new" if held is fresh else judged(held[2], sight.body)

    def _purge(self, now: float, tick: float) -> None:
        over = [key for key, (until, ticks, _) in self._seen.items() if until <= now and ticks <= tick]
        for key in over:
            self._purged_to = max(self._purged_to, self._seen.pop(key)[0])
        self._purged_at = tick

    def state(self) -> str:
        """See `ReplayStore`."""
        return f"memory of this worker, {len(self._seen)} tokens"

    def close(self) -> None:
        """See `ReplayStore`."""


def judged(held: bytes, body: bytes) -> Verdict:
    """What a token that is known already is worth: the same call again, or not."""
    return "repeat" if body and held == body else "seen"
