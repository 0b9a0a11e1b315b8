"""Faults of the library, said as sentences: file, line, what was found, what is allowed."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

LONGEST_LIST = 60


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault. `file` is relative to the library's folder; `line` counts from 1 (0 = the file as a whole)."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


def in_regions(fault: Fault, found: Sequence[str], every: Collection[str]) -> Fault:
    """The fault with the regions it was found in, where it is not one of them all."""
    said = "" if len(found) == len(every) else f" (in {', '.join(found)})"
    return Fault(fault.file, fault.line, fault.message + said)


class LibraryError(Exception):
    """The library cannot be used. `faults` says why, one sentence each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: Sequence[Fault] = sorted(set(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def not_one_of(kind: str, found: object, allowed: Iterable[str]) -> str:
    """A sentence for a word that is not in a closed list, with the nearest allowed word first."""
    words = sorted(allowed)
    nearest = get_close_matches(str(found), words, n=LONGEST_LIST // 2)
    hint = f" (did you mean {nearest[0]}?)" if nearest else ""
    shown = ", ".join(words) if words else "nothing here"
    if len(words) > LONGEST_LIST:
        shown = f"the {len(words)} allowed, nearest {', '.join(nearest or words[:5])}"
    return f'{kind} "{found}" is not one of {shown}{hint}'
