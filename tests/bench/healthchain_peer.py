"""The package healthchain in a virtual environment of its own, kept between runs; measured through a child process."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Self

VERSION = "0.16.1"
PATH = "/cds/cds-services/potassium"
_CHILD = Path(__file__).with_name("healthchain_child.py")


class Unavailable(Exception):
    """healthchain cannot be measured here; the sentence says why."""


def environment() -> Path:
    """The interpreter that has healthchain, installing it once. Raises `Unavailable` with pip's last words."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "cramp-cds-bench" / f"healthchain-{VERSION}"
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        told = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", f"healthchain=={VERSION}"], capture_output=True, text=True
        )
        if told.returncode:
            raise Unavailable((told.stderr.strip().splitlines() or ["pip failed"])[-1])
        (folder / "installed").touch()
    return python


class Peer:
    """A running child that measures itself. To be closed."""

    def __init__(self) -> None:
        try:
            self._child = subprocess.Popen(
                [environment(), _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(str(error)) from error
        self._told("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.stdin:
            self._child.stdin.close()
        self._child.wait(10)

    def spend(self, file: Path, repeats: int) -> float:
        """CPU microseconds of one request with the body in a file."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{file} {repeats}\n")
        self._child.stdin.flush()
        return float(self._told(""))

    def _told(self, expected: str) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise Unavailable(f"the child under {sys.platform} ended without an answer")
        return line
