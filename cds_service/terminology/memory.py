"""Remembering look-ups: texts and codes repeat from call to call, but a caller could send endless new ones."""

from typing import TypeVar

MOST = 4096
LONGEST = 400
Key = tuple[str, ...]
_Found = TypeVar("_Found")


def remember(memory: dict[Key, _Found], key: Key, found: _Found) -> _Found:
    """Keep what was found and give it back. Long keys are not kept, and a full memory starts anew."""
    if sum(map(len, key)) <= LONGEST:
        if len(memory) >= MOST:
            memory.clear()
        memory[key] = found
    return found
