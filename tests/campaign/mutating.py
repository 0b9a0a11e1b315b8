"""Changing what is good: members swapped, taken, doubled, moved, filled with junk; then single bytes.

Every change follows from a `random.Random`, so the same seed gives the same input.
"""

import json
import random
from collections.abc import Callable
from typing import Any

Chance = random.Random
JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, -(2**63), 2**64, 10**40, 0.1, -0.0, 1e308, 5e-324, "", " ", "\u0000", "x" * 10_000,
    "\u202e", "\ud83d\ude00", "\u2028", "NaN", "1e400", "9" * 5000, "0001-01-01", "9999-12-31", "2026-02-30",
    "2026-13-01T25:61:61Z", "24:00:00", "-2026", "Patient/", "Patient/..", "/", "#", "#a", "urn:uuid:x", "http://", "mailto:x",
    "javascript:alert(1)", "<script>", "{{context.patientId}}", "%s%n", [], [[]], [None], {}, {"": None}, [{}],
    {"resourceType": "Bundle"}, {"resourceType": ""}, {"resourceType": 7}, {"resourceType": "Patient", "id": "somebody-else"},
    {"coding": [{}]}, {"value": "1", "unit": 7}, {"value": 1e300, "unit": "mg"}, {"start": "9999", "end": "0001"},
    {"reference": "Medication/self", "identifier": {}}, {"extension": [{"url": "x", "extension": [{"url": "y"}]}]},
)  # fmt: skip
_BYTES = b'{}[]",:\\\x00\xff\xed\xa0\x80\xef\xbb\xbf0123456789eE+-.tfnu \n\t'


def mutated(body: bytes, other: bytes, chance: Chance) -> bytes:
    """The body with one to six changes; `other` is where pieces are borrowed from."""
    try:
        value, lender = json.loads(body), json.loads(other)
    except (ValueError, RecursionError):
        return damaged(body, chance)
    for _ in range(chance.randint(1, 6)):
        value = changed(value, lender, chance)
    written = json.dumps(value).encode()
    return damaged(written, chance) if chance.random() < 0.05 else written


def changed(value: Any, lender: Any, chance: Chance, depth: int = 0) -> Any:
    """The value with one change somewhere inside, seldom near the top: what is no call at all is refused unread.

    What is not on the way to the change is shared with the value given, not copied.
    """
    here = 0.02 if depth < 3 else 0.15
    if isinstance(value, dict) and value and chance.random() > here / 2:
        key = chance.choice(sorted(value))
        if chance.random() < here:
            return _members(value, key, lender, chance)
        return {**value, key: changed(value[key], lender, chance, depth + 1)}
    if isinstance(value, list) and value and chance.random() > here / 2:
        place = chance.randrange(len(value))
        if chance.random() < here:
            return _items(value, place, chance)
        return [*value[:place], changed(value[place], lender, chance, depth + 1), *value[place + 1 :]]
    if depth < 2 and chance.random() < 0.8:
        return value  # the hook, the hookInstance and their like: most inputs get beyond them
    return chance.choice((_junk, _junk, _borrowed, _twisted))(value, lender, chance)


def _members(value: dict[str, Any], key: str, lender: Any, chance: Chance) -> dict[str, Any]:
    others = {name: held for name, held in value.items() if name != key}
    way = chance.randrange(4)
    if way == 0:
        return others
    if way == 1:
        return {**others, key + chance.choice(("x", "[x]", "_", " ")): value[key]}
    if way == 2:
        return {**value, f"_{key}": chance.choice(JUNK)}
    return {
        **value,
        chance.choice(("resourceType", "id", "extension", "contained", "code", "value")): _piece(lender, chance),
    }


def _items(value: list[Any], place: int, chance: Chance) -> list[Any]:
    way = chance.randrange(4)
    if way == 0:
        return [*value[:place], *value[place + 1 :]]
    if way == 1:
        return [*value, *[value[place]] * chance.choice((1, 2, 50))]
    if way == 2:
        return chance.sample(value, len(value))
    return [*value, chance.choice(JUNK)]


def _junk(value: Any, lender: Any, chance: Chance) -> Any:
    return chance.choice(JUNK)


def _borrowed(value: Any, lender: Any, chance: Chance) -> Any:
    return _piece(lender, chance)


def _twisted(value: Any, lender: Any, chance: Chance) -> Any:
    """A value of its own kind, or the same in another kind."""
    if isinstance(value, str):
        return chance.choice(
            (value.upper(), value + " ", value[:-1], value * 3, [value], {"value": value}, f"{value}\u200b")
        )
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return chance.choice((-value, value * 1000, value / 1000, value + 0.5, str(value), [value], round(value)))
    return [value]


def _piece(lender: Any, chance: Chance) -> Any:
    """Something from somewhere inside another call."""
    while isinstance(lender, dict | list) and lender and chance.random() < 0.8:
        lender = chance.choice(list(lender.values()) if isinstance(lender, dict) else lender)
    return lender


def damaged(body: bytes, chance: Chance, most: int = 8) -> bytes:
    """The body with one to `most` places changed, cut, doubled or filled."""
    held = bytearray(body)
    ways: tuple[Callable[[bytearray, Chance], None], ...] = (_byte, _byte, _byte, _insert, _cut, _double)
    for _ in range(chance.randint(1, most)):
        if held:
            chance.choice(ways)(held, chance)
    return bytes(held)


def _byte(held: bytearray, chance: Chance) -> None:
    held[chance.randrange(len(held))] = chance.choice(_BYTES)


def _insert(held: bytearray, chance: Chance) -> None:
    at = chance.randrange(len(held) + 1)
    held[at:at] = bytes(chance.choice(_BYTES) for _ in range(chance.randint(1, 20)))


def _cut(held: bytearray, chance: Chance) -> None:
    start = chance.randrange(len(held))
    del held[start : start + chance.choice((1, 2, 10, max(1, len(held) // 10)))]


def _double(held: bytearray, chance: Chance) -> None:
    start = chance.randrange(len(held))
    held[start:start] = held[start : start + chance.randint(1, 200)]
