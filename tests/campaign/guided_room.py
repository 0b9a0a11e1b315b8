"""The process in which libFuzzer is in charge of one room: `python -m tests.campaign.guided_room ROOM FOLDER SECONDS SEED`.

Nothing of the service may be loaded before atheris can instrument it.
"""

import sys
import tempfile
from pathlib import Path

import atheris

MEGABYTES = 2000
# By the clock on the wall, of a process that others go before, slowed by the counting of branches.
SECONDS = 10
FOUND = Path(tempfile.gettempdir()) / "cramp-cds-found"
"""Where an input that was too much is kept."""


def child(room: str, folder: Path, seconds: str, seed: str) -> None:
    """Fuzz until the time is over, from a corpus in `folder`; then the process ends."""
    with atheris.instrument_imports(include=["cds_service"]):
        from tests.campaign import rooms
    FOUND.mkdir(exist_ok=True)
    for number, text in enumerate(rooms.seeds(room)):
        (folder / str(number)).write_bytes(text)
    target = rooms.ROOMS[room]
    good = set(rooms.tokens()) if room == "token" else set()

    def one(data: bytes) -> None:
        if target(data) == "let in" and data not in good:
            raise AssertionError("a changed token was let in")

    for text in rooms.seeds(room)[:5]:
        one(text)  # what is loaded at the first use counts for no input
    limits = [
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-timeout={SECONDS}",
        "-max_len=60000",
    ]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={FOUND}/", str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    child(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
