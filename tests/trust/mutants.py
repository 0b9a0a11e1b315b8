"""Mutated tokens: one-character edits everywhere, then random damage."""

import itertools
import random
from collections.abc import Iterator

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_OTHERS = "=.+/ \t%\x00é,"


def mutants(token: str, count: int, seed: int) -> Iterator[str]:
    """`count` different texts near `token`, never `token` itself, nor blanks before it (RFC 6750 allows some)."""
    chance = random.Random(seed)
    seen = {token}
    kinds = (_replaced, _dropped, _doubled, _inserted, _swapped, _cut, _parts)
    for kind in itertools.cycle(kinds):
        mutant = kind(token, chance)
        if mutant not in seen and mutant.lstrip(" ") != token:
            seen.add(mutant)
            yield mutant
        if len(seen) > count:
            return


def _replaced(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token))
    return token[:at] + chance.choice(_LETTERS + _OTHERS) + token[at + 1 :]


def _dropped(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token))
    return token[:at] + token[at + 1 :]


def _doubled(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token))
    return token[:at] + token[at] + token[at:]


def _inserted(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token) + 1)
    return token[:at] + chance.choice(_LETTERS + _OTHERS) + token[at:]


def _swapped(token: str, chance: random.Random) -> str:
    at = chance.randrange(len(token) - 1)
    return token[:at] + token[at + 1] + token[at] + token[at + 2 :]


def _cut(token: str, chance: random.Random) -> str:
    start, end = sorted(chance.sample(range(len(token) + 1), 2))
    return token[:start] + token[end:]


def _parts(token: str, chance: random.Random) -> str:
    parts = token.split(".")
    chance.shuffle(parts)
    parts[chance.randrange(3)] += chance.choice(_LETTERS) * chance.randrange(1, 4)
    return ".".join(parts)
