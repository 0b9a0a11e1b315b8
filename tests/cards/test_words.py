"""Words no card may use: none says that something is safe, calls a result normal, or gives a rate of correction."""

import re
from pathlib import Path

import pytest

from tests.conftest import CARDS

TEXTS = sorted(
    path
    for pattern in ("*/*/card.yaml", "*/*/detail*.md", "shared/orders/*.json", "shared/pairs/*.yaml")
    for path in CARDS.glob(pattern)
)
FORBIDDEN = re.compile(
    r"\b(safe|safely|safer|normal|all clear|no interactions?|harmless|risk-free|TODO)\b", re.IGNORECASE
)
RATES = re.compile(r"mmol/L (per|an) (hour|day)|intravenous(ly)? at|bolus", re.IGNORECASE)


def test_there_are_texts() -> None:
    assert len(TEXTS) > 50


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_text_promises_anything(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text()) == []
    assert RATES.findall(path.read_text()) == []
