"""The time one call may take, and whose turn it is to compute.

One Python process computes on one thread at a time. Thirty calls that compute at once make each other late, and the
short answers beside them (health, a refusal) too: so only a few compute, and the others wait in line for their turn.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Semaphore
from time import monotonic
from types import TracebackType

Check = Callable[[], None]
"""Called between two pieces of work; raises `OutOfTime` when the call must end."""


class OutOfTime(Exception):
    """The call would take longer than it may; it ends without a decision."""


def no_limit() -> None:
    """The check of work that may take as long as it takes."""


class Pace:
    """The time and the turn of one call: `with pace:` computes; `rest()` and `waiting()` inside let others do so."""

    def __init__(self, until: float = float("inf"), turns: Semaphore | None = None) -> None:
        """`until` in monotonic seconds; `turns` are shared by the calls of a process, none means that nobody waits."""
        self.until = until
        self._turns = turns
        self._has_turn = False

    def check(self) -> None:
        """Raises `OutOfTime` when the time is over."""
        if monotonic() > self.until:
            raise OutOfTime

    def __enter__(self) -> "Pace":
        """Wait for a turn. Raises `OutOfTime` when none comes in time, or the time is over."""
        self.check()
        if self._turns is not None:
            if not self._turns.acquire(timeout=min(max(self.until - monotonic(), 0.0), 3600.0)):
                raise OutOfTime
            self._has_turn = True
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
            self._turns.release()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While this call waits for something else, another may compute. Raises `OutOfTime` as beginning does."""
        computes = self._has_turn
        self.rest()
        yield
        if computes:
            self.__enter__()
