"""Where the readable lists and generated tables of the repository stand."""

from pathlib import Path
from typing import Any

import yaml

SHARED = Path(__file__).parents[2] / "cards" / "shared"


def read_yaml(name: str) -> dict[str, Any]:
    return yaml.safe_load((SHARED / name).read_text(encoding="utf-8"))
