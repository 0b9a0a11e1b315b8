"""Where inputs come from. An engine works until its time is over or its number of inputs reached."""

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from typing import Any

import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance

from cds_service.folders import openapi_file
from tests.campaign import corpus, rooms
from tests.campaign.doors import Doors
from tests.campaign.mutating import damaged, mutated
from tests.campaign.tally import Tally
from tests.profiles import PROFILES
from tests.trust.mutants import mutants

BATCH = 50
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
DOORS = ("hook calls, both profiles", "feedback, both profiles")


@dataclass(frozen=True)
class Until:
    """When an engine ends."""

    seconds: float = float("inf")
    inputs: int = 10**12

    def start(self) -> Callable[[int], bool]:
        """A question to be asked with the number of inputs so far: is it over?"""
        end = time.monotonic() + self.seconds
        return lambda tried: tried >= self.inputs or time.monotonic() >= end


Say = Callable[[str], None]


def changed_input(target: str, number: int, seed_: int) -> tuple[str, bytes]:
    """The path (for a door) and the bytes of input `number` of a target: the same for the same seed."""
    chance = random.Random(f"{seed_}/{target}/{number}")
    if target in DOORS:
        held = corpus.calls() if target == DOORS[0] else corpus.feedback()
        chosen = chance.choice(held)
        return chosen.path, mutated(chosen.body, chance.choice(held).body, chance)
    seeds = rooms.seeds(target)
    one, other = chance.choice(seeds), chance.choice(seeds)
    if target == "token":
        return "", next(islice(mutants(one.decode(), 1, chance.randrange(2**32)), 1)).encode("latin-1", "replace")
    if target == "card":
        return "", damaged(one, chance, most=2)
    return "", mutated(one, other, chance)


def mutation(doors: Doors, tally: Tally, until: Until, say: Say) -> None:
    """Good inputs changed, through the doors and into each room in turn."""
    over = until.start()
    targets = (*DOORS, *rooms.ROOMS)
    for number in count():
        for target in targets:
            path, body = changed_input(target, number, tally.seed)
            if target in DOORS:
                tally.run("mutation", target, f"number {number}", doors.ask, path, body)
            else:
                tally.run("mutation", target, f"number {number}", in_room, target, body)
        say(tally.progress())
        if over(number * len(targets)):
            return


def in_room(target: str, body: bytes) -> str:
    """What a room makes of an input; a changed token must not be let in."""
    told = rooms.ROOMS[target](body)
    if target == "token" and told != "refused":
        raise AssertionError("a changed token was let in")
    return told


def tokens(doors: Doors, tally: Tally, until: Until, say: Say) -> None:
    """Twenty thousand changed tokens for each algorithm, each another text; then as many again, until it is over."""
    over, total = until.start(), 0
    for turn in count():
        for good in rooms.tokens():
            for text in mutants(good.decode(), min(20_000, until.inputs), tally.seed + turn):
                tally.run("tokens", "token", f"turn {turn}", in_room, "token", text.encode("latin-1", "replace"))
                total += 1
            say(tally.progress())
        if over(total):
            return


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def hypothesis(doors: Doors, tally: Tally, until: Until, say: Say) -> None:
    """Junk of every shape put somewhere into a good call; JSON of any shape; any bytes."""
    from tests.http.test_invariance import replaced

    good = [held for held in corpus.calls() if held.body[:1] == b"{" and _is_json(held.body)]

    def within(chosen: corpus.Seed, junk: object, place: int) -> bytes:
        return json.dumps(replaced(json.loads(chosen.body), junk, random.Random(place))).encode()

    strategies = {
        "junk inside a call": st.builds(
            lambda chosen, junk, place: (chosen.path, within(chosen, junk, place)),
            st.sampled_from(good), _JSON, st.integers(0, 10**9),
        ),
        "any JSON": st.tuples(st.sampled_from(good).map(lambda held: held.path), _JSON.map(lambda value: json.dumps(value).encode())),
        "any bytes": st.tuples(st.sampled_from(good).map(lambda held: held.path), st.binary(max_size=300)),
    }  # fmt: skip
    over, total = until.start(), 0
    for turn in count():
        for target, strategy in strategies.items():
            name = f"turn {turn}"
            _draw(strategy, BATCH, tally.seed + turn, partial(_knock, doors, tally, target, name))
            total += BATCH
            say(tally.progress())
            if over(total):
                return


def _knock(doors: Doors, tally: Tally, target: str, name: str, call: tuple[str, bytes]) -> None:
    tally.run("hypothesis", target, name, doors.ask, *call)


def schemathesis_(doors: Doors, tally: Tally, until: Until, say: Say) -> None:
    """Whatever the OpenAPI description allows, answered as it says."""
    description = yaml.safe_load(openapi_file().read_text(encoding="utf-8"))
    listed = [(path, method.upper()) for path, item in description["paths"].items() for method in item]
    schemas = {name: schemathesis.openapi.from_wsgi("/openapi.json", doors.app(name)) for name in PROFILES}
    over, total = until.start(), 0
    for turn, (path, method), profile in _in_turns(listed):
        operation = schemas[profile][path][method]

        target = f"{method} {path}, {profile}"
        take = partial(_described, tally, target, f"turn {turn}")
        _draw(operation.as_strategy(), BATCH // 5, tally.seed + turn, take)
        total += BATCH // 5
        say(tally.progress())
        if over(total):
            return


def _in_turns(listed: list[tuple[str, str]]) -> Iterator[tuple[int, tuple[str, str], str]]:
    for turn in count():
        for one in listed:
            for profile in PROFILES:
                yield turn, one, profile


def _described(tally: Tally, target: str, name: str, case: schemathesis.Case) -> None:
    def answered() -> str:
        case.headers.pop("Authorization", None)  # one made up by chance: every call would end there
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        return str(answer.status_code)

    tally.run("schemathesis", target, name, answered)


def _draw(strategy: st.SearchStrategy[Any], examples: int, seed_: int, take: Callable[[Any], None]) -> None:
    """Give `take` so many values of a strategy; the same seed gives the same values."""

    @seed(seed_)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def batch(value: Any) -> None:
        take(value)

    batch()


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


ENGINES = {"mutation": mutation, "tokens": tokens, "hypothesis": hypothesis, "schemathesis": schemathesis_}
