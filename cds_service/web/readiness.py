"""Whether the service is ready: one look at a time, whoever asks meanwhile hears what was found last."""

from collections.abc import Callable, Sequence
from threading import Lock
from time import monotonic
from typing import NamedTuple

Ready = Callable[[], Sequence[tuple[str, str]]]
"""The checks that fail now, each a name and a sentence; empty when all is well."""

# A look that takes longer has met something that hangs: what was found before it counts no more.
_LOOK_SECONDS = 1.0
# What was found longer ago, because nobody asked since, says nothing of now.
_KEPT_SECONDS = 60.0
_NOT_NOW = float("inf")


class Verdict(NamedTuple):
    """The checks that failed, each a name and a sentence, and how many seconds ago that was."""

    failing: Sequence[tuple[str, str]]
    seconds_ago: float = 0.0


class Readiness:
    """Looks when asked, on the thread that asks, so that many questions while a disk hangs cost one thread."""

    def __init__(self, checks: Sequence[tuple[str, Ready]]) -> None:
        """`checks` are done in their order; the name is said of one that does not end."""
        self._checks = checks
        self._looking = Lock()
        self._under_way, self._since = checks[0][0], _NOT_NOW
        self._found: tuple[Sequence[tuple[str, str]], float] | None = None

    def verdict(self) -> Verdict:
        """What fails now; while another looks, what was found last, of the last minute.

        Nothing counts that was found before a look which takes longer than a second.
        """
        if not self._looking.acquire(blocking=False):
            return self._last()
        try:
            self._since = monotonic()
            failing = [fault for name, check in self._checks for fault in self._done(name, check)]
            self._found = failing, monotonic()
            return Verdict(failing)
        finally:
            self._since = _NOT_NOW
            self._looking.release()

    def _done(self, name: str, check: Ready) -> Sequence[tuple[str, str]]:
        self._under_way = name
        return check()

    def _last(self) -> Verdict:
        now = monotonic()
        looked = now - self._since
        if looked > _LOOK_SECONDS:
            return Verdict([(self._under_way, f"the check has not ended for {looked:.0f} s")])
        if self._found is None or now - self._found[1] > _KEPT_SECONDS:
            return Verdict([(self._under_way, "the first check for a while is under way")])
        failing, at = self._found
        return Verdict(failing, now - at)
