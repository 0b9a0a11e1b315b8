"""A fuzzing campaign: `python -m tests.campaign --minutes 10 [--engine NAME …] [--seed N]`.

Hostile inputs against the whole service in both profiles and against single rooms. It ends with a table and code 1 when
anything was wrong: a 5xx, a stray exception, an answer that breaks its schema, a changed token let in, more than 2 s.
The same seed gives the same inputs. `--engine atheris` steers by coverage and needs `pip install atheris`.
"""

import argparse
import logging
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from tests.campaign import guided
from tests.campaign.doors import Doors
from tests.campaign.engines import ENGINES, Until
from tests.campaign.tally import Tally, megabytes
from tests.conftest import shipped
from tests.fixtures.people import NOW

NAMES = (*ENGINES, "atheris")
# Parts of the time; the tokens end by their number, long before it.
SHARES = {"mutation": 6, "tokens": 1, "hypothesis": 2, "schemathesis": 1, "atheris": 6}
TOKENS = 40_000


def main() -> int:
    """Run the engines asked for, each for its share of the time."""
    asked = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.splitlines()[0])
    asked.add_argument("--minutes", type=float, default=1.0, help="for all engines together")
    asked.add_argument("--engine", choices=NAMES, action="append", help="again for another; all but atheris by default")
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    engines = options.engine or list(ENGINES)
    part = options.minutes * 60 / sum(SHARES[name] for name in engines)
    logging.disable(logging.CRITICAL)
    tally, begun = Tally(options.seed), time.monotonic()

    def clock() -> datetime:  # it goes on, so that tokens are forgotten as they would be
        return NOW + timedelta(seconds=time.monotonic() - begun)

    with tempfile.TemporaryDirectory() as held:
        doors = Doors(Path(held), shipped(), clock)
        ENGINES["mutation"](doors, Tally(0), Until(inputs=400), lambda _: None)  # warm
        at_first = megabytes()
        for name in engines:
            if name in ENGINES:
                most = TOKENS if name == "tokens" else Until.inputs
                ENGINES[name](doors, tally, Until(part * SHARES[name], most), say)
        doors.close()
    grown = megabytes() / at_first - 1
    if "atheris" in engines:
        guided.run(tally, part * SHARES["atheris"], say)
    print(tally.table())
    print(
        f"\nseed {tally.seed}, {tally.tried:,} inputs, {tally.wrong} wrong, memory {grown:+.0%} after {at_first:.0f} MB"
    )
    print("\n".join(tally.faults))
    return 1 if tally.wrong else 0


def say(line: str) -> None:
    """Progress, where it does not get into the table."""
    if line:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
