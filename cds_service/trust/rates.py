"""How often a client may call."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from cds_service.trust.clients import Client
from cds_service.trust.refusals import Throttled

_FULL_SECONDS = 2
_MINUTE = 60.0


class _Counted(NamedTuple):
    """The calls of a client in the minute that is running, and in the one before."""

    minute: int
    now: int
    before: int


class Shares:
    """How many calls of one client may be worked on at a time in this worker, so that others find room beside it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    def check(self, client: str) -> None:
        """Raises `Throttled` when the client has as many places as it may; takes none."""
        if self._held[client] >= self._most:
            raise Throttled(client, _FULL_SECONDS)

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Hold one of the client's places. Raises `Throttled` when it has as many as it may."""
        with self._lock:
            if self._held[client] >= self._most:
                raise Throttled(client, _FULL_SECONDS)
            self._held[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[client] -= 1


class Rates:
    """Calls a minute for each client, counted in this worker.

    How many came in the last sixty seconds is worked out of two counts: those of this minute, and of the minute before
    as large a part as still lies within the sixty seconds.
    """

    def __init__(self, per_minute: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`per_minute` counts for clients without a rate of their own."""
        self._default, self._monotonic = per_minute, monotonic
        self._counted: dict[str, _Counted] = {}
        self._lock = threading.Lock()

    def check(self, client: Client) -> None:
        """Raises `Throttled` when the client has no call left now; takes nothing away."""
        most, now = client.rate_per_minute or self._default, self._monotonic()
        held = self._held(client.name, now)
        gone = now % _MINUTE
        if held.now + held.before * (1 - gone / _MINUTE) >= most:
            raise Throttled(client.name, max(1, math.ceil(_wait(held, most, gone))))

    def count(self, client: Client) -> None:
        """Take one call away."""
        with self._lock:
            held = self._held(client.name, self._monotonic())
            self._counted[client.name] = held._replace(now=held.now + 1)

    def _held(self, name: str, now: float) -> _Counted:
        """The counts of a client, moved on to the present minute."""
        minute = int(now // _MINUTE)
        held = self._counted.get(name)
        if held is None or held.minute < minute - 1:
            return _Counted(minute, 0, 0)
        return held if held.minute == minute else _Counted(minute, 0, held.now)


def _wait(held: _Counted, most: int, gone: float) -> float:
    """Seconds until the counts allow another call, `gone` seconds into a minute."""
    if held.now < most:
        return _MINUTE * (1 - (most - held.now) / held.before) - gone
    return _MINUTE - gone + _MINUTE * (1 - most / held.now)
