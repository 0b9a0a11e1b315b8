"""Remembering look-ups: texts and codes repeat from call to call, but a caller could send endless new ones."""

from collections.abc import Callable, Hashable
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import astuple

MOST = 4096
LONGEST = 400
Key = tuple[str, ...]
_Key = TypeVar("_Key", bound=Hashable)
_Found = TypeVar("_Found")


def remember(memory: dict[_Key, _Found], key: _Key, found: _Found) -> _Found:
    """Keep what was found and give it back. Long keys are not kept, and a full memory starts anew."""
    if _length(key) <= LONGEST:
        if len(memory) >= MOST:
            memory.clear()
        memory[key] = found
    return found


def remembered(work: Callable[[_Key], _Found]) -> Callable[[_Key], _Found]:
    """A function of one argument that keeps what it found; what was found before costs a look into a table, no call."""
    return _Table(work).__getitem__


class _Table(dict[_Key, _Found]):
    """A table that works out what it does not hold."""

    def __init__(self, work: Callable[[_Key], _Found]) -> None:
        super().__init__()
        self._work = work

    def __missing__(self, key: _Key) -> _Found:
        return remember(self, key, self._work(key))


def _length(part: object) -> int:
    """All characters of the strings in a key, and one for each of its parts: a long row of nothing is long too."""
    if isinstance(part, str):
        return len(part)
    if isinstance(part, Struct):
        part = astuple(part)
    return len(part) + sum(map(_length, part)) if isinstance(part, tuple) else 0
