"""Coverage-guided fuzzing by atheris, a process for each room: what libFuzzer finds ends that process with its input."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec

from tests.campaign.tally import KEPT, Row, Tally

ROOMS = ("strict JSON", "request", "feedback", "chart and decision", "token", "card")


def run(tally: Tally, seconds: float, say: Callable[[str], None]) -> None:
    """Every room for its share of the time; skipped with a sentence where atheris is not installed."""
    if find_spec("atheris") is None:
        say("atheris is not installed (pip install atheris): nothing is steered by coverage")
        return
    for room in ROOMS:
        row = tally.rows.setdefault(("atheris", room), Row())
        with tempfile.TemporaryDirectory() as held:
            each = max(5, round(seconds / len(ROOMS)))
            command = [sys.executable, "-m", "tests.campaign.guided_room", room, held, str(each), str(tally.seed)]
            ended = subprocess.run(command, capture_output=True, text=True, errors="replace")
        done = re.search(r"Done (\d+) runs", ended.stderr)
        row.tried += int(done[1]) if done else 0
        covered = re.findall(r"cov: (\d+)", ended.stderr)
        row.told[f"branches {covered[-1] if covered else 0}"] = 1
        if ended.returncode or not done:
            row.wrong += 1
            tally.faults[KEPT:] = [f"atheris, {room}: {ended.stderr[-1500:]}"]
        say(f"atheris, {room}: {row.tried} inputs, code {ended.returncode}")
