"""The memory of one worker: a fresh process builds the real application, answers some calls, and reads its own size."""

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def worker_megabytes(body: Path, folder: Path) -> float:
    """Resident memory in MB (10^6 bytes) of a worker after some answers."""
    environ = {**os.environ, "CDS_DATA_DIR": str(folder), "PYTHONPATH": str(_ROOT)}
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", str(body)],
        env=environ, cwd=_ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(told.stdout)


def main(body: bytes) -> None:
    """What the fresh process does."""
    from cds_service.web.build import build_app
    from tests.bench.wsgi import caller

    post = caller(build_app())
    for _ in range(200):
        post(body)
    fields = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in fields if line.startswith("VmRSS:"))
    print(kilobytes * 1024 / 1e6)


if __name__ == "__main__":
    main(Path(sys.argv[1]).read_bytes())
