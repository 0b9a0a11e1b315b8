"""How often a client may call."""

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from cds_service.trust.clients import Client
from cds_service.trust.refusals import Throttled

_FULL_SECONDS = 2


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
    """Calls a minute for each client, counted in this worker."""

    def __init__(self, per_minute: int) -> None:
        """`per_minute` counts for clients without a rate of their own."""
        self._default = per_minute
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check(self, client: Client) -> None:
        """Raises `Throttled` when the client has no call left now; takes nothing away."""
        rate = self._rate(client)
        if not self._limiter.test(rate, client.name):
            ends = self._limiter.get_window_stats(rate, client.name).reset_time
            raise Throttled(client.name, max(1, math.ceil(ends - time.time())))

    def count(self, client: Client) -> None:
        """Take one call away."""
        self._limiter.hit(self._rate(client), client.name)

    def _rate(self, client: Client) -> RateLimitItem:
        return RateLimitItemPerMinute(client.rate_per_minute or self._default)
