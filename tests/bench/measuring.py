"""Measuring fairly on a machine that is never quiet: everything in turns, CPU time of this thread, medians."""

import random
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

Work = Callable[[], object]
TURN = 40_000
"""Microseconds of one turn."""


class Spent(NamedTuple):
    """Microseconds of CPU for one piece of work: the median of the rounds and the best round."""

    median: float
    best: float


def spent(rounds: list[float]) -> Spent:
    """Median and best of some rounds."""
    return Spent(median(rounds), min(rounds))


def in_turns(work: Mapping[str, Work], rounds: int, after: Callable[[], object] = lambda: None) -> dict[str, Spent]:
    """CPU microseconds for each piece of work, all of them once per round, in an order drawn anew each time.

    Every turn lasts about as long, whatever the work, so that none is lucky in finding a quiet moment. `after` is
    called at the end of each round: what measures itself elsewhere takes its turn there.
    """
    repeats = {name: in_one_turn(once(each, 3)) for name, each in work.items()}
    found: dict[str, list[float]] = {name: [] for name in work}
    order = random.Random(7)
    names = list(work)
    for _ in range(rounds):
        order.shuffle(names)
        for name in names:
            found[name].append(once(work[name], repeats[name]))
        after()
    return {name: spent(list_) for name, list_ in found.items()}


def in_one_turn(microseconds: float) -> int:
    """How often a piece of work is done in one turn."""
    return max(1, round(TURN / microseconds))


def once(work: Work, repeats: int) -> float:
    """CPU microseconds of this thread for one piece of work, done `repeats` times in a row."""
    start = time.thread_time_ns()
    for _ in range(repeats):
        work()
    return (time.thread_time_ns() - start) / 1000 / repeats
