"""Remembering look-ups: texts and codes repeat from call to call, but a caller could send endless new ones."""

from typing import TypeVar

MOST = 4096
LONGEST = 400
Key = tuple[str, ...]
_Key = TypeVar("_Key", bound=tuple[object, ...])
_Found = TypeVar("_Found")


def remember(memory: dict[_Key, _Found], key: _Key, found: _Found) -> _Found:
    """Keep what was found and give it back. Long keys are not kept, and a full memory starts anew."""
    if _length(key) <= LONGEST:
        if len(memory) >= MOST:
            memory.clear()
        memory[key] = found
    return found


def _length(part: object) -> int:
    """All characters of the strings in a key."""
    if isinstance(part, str):
        return len(part)
    return sum(map(_length, part)) if isinstance(part, tuple) else 0
