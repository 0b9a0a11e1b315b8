"""Mutated tokens: one-character edits everywhere, then random damage. By hand: python -m tests.trust.campaign 20000."""

import itertools
import random
import sys
from collections.abc import Iterator

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_OTHERS = "=.+/ \t%\x00é,"


def mutants(token: str, count: int, seed: int) -> Iterator[str]:
    """`count` different texts near `token`, never `token` itself."""
    chance = random.Random(seed)
    seen = {token}
    kinds = (_replaced, _dropped, _doubled, _inserted, _swapped, _cut, _parts)
    for kind in itertools.cycle(kinds):
        mutant = kind(token, chance)
        if mutant not in seen:
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


def main(count: int) -> int:
    """Try `count` mutants of a token for each algorithm; print what was accepted or crashed."""
    from cds_service.trust.refusals import Unauthorized
    from cds_service.trust.replay import MemoryStore
    from cds_service.trust.tokens import authenticate
    from tests.trust.issuing import AUDIENCE, NOW, claims, client, key_pair, pinned, sign

    accepted = crashed = tried = 0
    for algorithm in ("ES384", "RS384"):
        known, keys = pinned(client())
        token = sign(claims(), key_pair(algorithm))
        for mutant in mutants(token, count, seed=11):
            tried += 1
            try:
                authenticate(f"Bearer {mutant}", AUDIENCE, bytes, known, keys, MemoryStore(NOW, lambda: 0.0), NOW)
                accepted += 1
            except Unauthorized:
                pass
            except Exception as error:
                crashed += 1
                print(f"{type(error).__name__}: {mutant}")
    print(f"{tried} mutated tokens: {accepted} accepted, {crashed} stray exceptions")
    return 1 if accepted or crashed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
