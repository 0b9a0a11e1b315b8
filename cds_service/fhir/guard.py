"""Which calls may wait for a FHIR server: so many at once, fewer for one client, none where a server is left alone.

A call that may not is told so at once: nothing queues.
"""

import threading
from collections import Counter
from collections.abc import Callable
from functools import cache
from time import monotonic

from cds_service.caller import FhirRules
from cds_service.fhir.breaker import Breaker, Server


class Guard:
    """Counts the calls of a process that wait for FHIR servers, for each client. Threads may share it."""

    def __init__(self, rules: FhirRules, clock: Callable[[], float] = monotonic) -> None:
        self.breaker = Breaker(rules.pause_after, rules.pause_seconds, clock)
        self._most, self._most_of_one = rules.calls, rules.calls_per_client
        self._lock = threading.Lock()
        self._waiting: Counter[str] = Counter()
        self._turned_away = 0

    def enter(self, server: Server) -> str:
        """Take a place, to be given back with `leave`; or the reason (of `FAILURES`) why there is none."""
        with self._lock:
            if self._waiting.total() >= self._most or self._waiting[server.client] >= self._most_of_one:
                self._turned_away += 1
                return "fetch-busy"
            if not self.breaker.allows(server):
                return "fetch-paused"
            self._waiting[server.client] += 1
            return ""

    def leave(self, server: Server) -> None:
        """Give the place back."""
        with self._lock:
            self._waiting[server.client] -= 1
            if not self._waiting[server.client]:
                del self._waiting[server.client]

    def state(self) -> list[str]:
        """Sentences for people, where there is something to say: full places, and servers that are left alone."""
        with self._lock:
            waiting, turned_away = self._waiting.total(), self._turned_away
        crowd = f"{waiting} of {self._most} calls waiting, {turned_away} turned away since the start"
        return [f"fhir: {said}" for said in ([crowd] if waiting or turned_away else []) + [*self.breaker.state()]]


@cache
def guard(rules: FhirRules) -> Guard:
    """The guard of this process: rules come from the settings, so there is one."""
    return Guard(rules)
