"""Counting what came of the inputs, in a fixed amount of memory."""

import os
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.doors import HANGS_AFTER

KEPT = 20


@dataclass
class Row:
    """One target under one engine."""

    tried: int = 0
    told: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    hung: int = 0
    slowest: float = 0.0


@dataclass
class Tally:
    """Rows by engine and target; `faults` holds the first twenty sentences, the rest is counted."""

    seed: int
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    said: float = 0.0

    def run(self, engine: str, target: str, name: str, work: Callable[..., str], *given: object) -> None:
        """Do one piece of work and count what came of it. `name` is how to make the same input again."""
        row = self.rows.setdefault((engine, target), Row())
        start = time.perf_counter()
        try:
            told = work(*given)
        except Exception as error:
            row.wrong += 1
            told = "wrong"
            if len(self.faults) < KEPT:
                frame = traceback.extract_tb(error.__traceback__)[-1]
                where = f"{Path(frame.filename).name}:{frame.lineno}"
                self.faults.append(f"{engine}, {target}, {name}: {type(error).__name__} at {where}: {str(error)[:200]}")
        spent = time.perf_counter() - start
        row.tried += 1
        row.told[told] += 1
        row.slowest = max(row.slowest, spent)
        row.hung += spent > HANGS_AFTER

    @property
    def tried(self) -> int:
        return sum(row.tried for row in self.rows.values())

    @property
    def wrong(self) -> int:
        return sum(row.wrong + row.hung for row in self.rows.values())

    def progress(self, every: float = 10.0) -> str:
        """A line to print now and then, "" in between."""
        spent = time.monotonic() - self.begun
        if spent - self.said < every:
            return ""
        self.said = spent
        return f"{spent:5.0f} s  {self.tried:8d} inputs  {self.wrong} wrong  {megabytes():.0f} MB"

    def table(self) -> str:
        """The figures as Markdown."""
        lines = [
            "| engine | target | inputs | what came of them | wrong | over 2 s | slowest, ms |",
            "|---|---|---|---|---|---|---|",
        ]
        for (engine, target), row in sorted(self.rows.items()):
            told = ", ".join(f"{word} {count:,}" for word, count in sorted(row.told.items()))
            lines.append(
                f"| {engine} | {target} | {row.tried:,} | {told} | {row.wrong} | {row.hung} | {row.slowest * 1000:.0f} |"
            )
        return "\n".join(lines)


def megabytes() -> float:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
