"""Leaving a server alone that does not answer, so that calls do not wait for it in vain."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

_MOST_SERVERS = 1000


class Server(NamedTuple):
    """A FHIR server as one client names it: what another client says of the same address counts for nothing here."""

    client: str
    url: str


@dataclass(slots=True)
class _Trouble:
    """`failures` in a row; nobody asks before `until`."""

    failures: int = 0
    until: float = 0.0


class Breaker:
    """Counts the calls in a row that a server did not answer; after `most` of them it is left alone.

    When `pause` seconds are over one call may try, and if that says nothing either way, another one a pause later.
    An answer ends the count. Times are seconds of `clock`, which never goes back. Threads may share it.
    """

    def __init__(self, most: int, pause: float, clock: Callable[[], float] = monotonic) -> None:
        self._most, self._pause, self._clock = most, pause, clock
        self._lock = threading.Lock()
        self._troubles: dict[Server, _Trouble] = {}

    def allows(self, server: Server) -> bool:
        """Whether a call may ask now. Who is told so after a pause is the one that tries for all."""
        with self._lock:
            trouble = self._troubles.get(server)
            if trouble is None or trouble.failures < self._most:
                return True
            now = self._clock()
            if now < trouble.until:
                return False
            trouble.until = now + self._pause
            return True

    def answered(self, server: Server) -> None:
        """The server answered a call, whatever it said."""
        with self._lock:
            self._troubles.pop(server, None)

    def failed(self, server: Server) -> None:
        """The server did not answer a call, or not in time."""
        with self._lock:
            trouble = self._troubles.pop(server, None) or _Trouble()
            trouble.failures += 1
            if trouble.failures >= self._most:
                trouble.until = self._clock() + self._pause
            self._troubles[server] = trouble
            if len(self._troubles) > _MOST_SERVERS:
                del self._troubles[next(iter(self._troubles))]  # the one that has not failed for longest

    def state(self) -> Iterator[str]:
        """A sentence for each server that is being left alone."""
        with self._lock:
            now = self._clock()
            paused = [(*server, each.failures, each.until - now) for server, each in self._troubles.items()]
        for client, url, failures, seconds in paused:
            if failures >= self._most:
                left = f"for {seconds:.0f} s more" if seconds > 0 else "until the next call tries"
                calls = "1 call" if failures == 1 else f"{failures} calls"
                yield f"{url} of {client} did not answer {calls} in a row, left alone {left}"
