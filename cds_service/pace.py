"""The time one call may take, and whose turn it is to compute.

One Python process computes on one thread at a time. Thirty calls that compute at once make each other late, and the
short answers beside them (health, a refusal) too: so only a few compute, and the others wait in line for their turn.
Who computes for long lets those in line have theirs in between: a dear call makes itself late, not the others.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from types import TracebackType

_TURN_SECONDS = 0.02

Check = Callable[[], None]
"""Called between two pieces of work; raises `OutOfTime` when the call must end."""


class OutOfTime(Exception):
    """The call would take longer than it may; it ends without a decision."""


def no_limit() -> None:
    """The check of work that may take as long as it takes."""


class Turns:
    """So many may compute at a time; whoever comes later waits in line, first come, first served."""

    def __init__(self, at_a_time: int) -> None:
        """`at_a_time` calls hold a turn at once."""
        self._free = at_a_time
        self._line: deque[Lock] = deque()
        self._lock = Lock()

    def take(self, seconds: float) -> bool:
        """Wait up to so many seconds for a turn; False when none came."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine = Lock()
            mine.acquire()
            self._line.append(mine)
        if mine.acquire(timeout=seconds):
            return True
        with self._lock:
            if mine in self._line:
                self._line.remove(mine)
                return False
        return True  # it came at the last moment

    def give(self) -> None:
        """The turn is the next one's in line, or free."""
        with self._lock:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1

    def awaited(self) -> int:
        """How many stand in line."""
        return len(self._line)


class Pace:
    """The time and the turn of one call: `with pace:` computes; `rest()` and `waiting()` inside let others do so."""

    def __init__(self, until: float = float("inf"), turns: Turns | None = None) -> None:
        """`until` in monotonic seconds; `turns` are shared by the calls of a process, none means that nobody waits."""
        self.until = until
        self._turns = turns
        self._has_turn = False
        self._since = 0.0

    def check(self) -> None:
        """Raises `OutOfTime` when the time is over; steps back in line after a long turn that others wait for."""
        now = monotonic()
        if now > self.until:
            raise OutOfTime
        if self._has_turn and now - self._since > _TURN_SECONDS and self._turns is not None and self._turns.awaited():
            self.rest()
            self.__enter__()

    def __enter__(self) -> "Pace":
        """Wait for a turn. Raises `OutOfTime` when none comes in time, or the time is over."""
        self.check()
        if self._turns is not None:
            if not self._turns.take(min(max(self.until - monotonic(), 0.0), 3600.0)):
                raise OutOfTime
            self._has_turn, self._since = True, monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the turn to the next, where this call still has it."""
        self.rest()

    def rest(self) -> None:
        """Nothing more is to be computed: the turn is the next one's."""
        if self._has_turn and self._turns is not None:
            self._has_turn = False
            self._turns.give()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While this call waits for something else, another may compute. Raises `OutOfTime` as beginning does."""
        computes = self._has_turn
        self.rest()
        yield
        if computes:
            self.__enter__()
