"""Signing a card: a second person, a date, and nothing else changed."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.knowledge.library import load_library
from tests.conftest import CARDS

CARD = "baclofen-renal"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = Path(shutil.copytree(CARDS, tmp_path / "cards"))
    path = root / "baclofen" / CARD / "card.yaml"
    path.write_text(path.read_text().replace('author: ""', 'author: "Ann Author"', 1))
    return root


def approve(folder: Path, *words: str) -> tuple[int, str]:
    answer = CliRunner().invoke(main, ["approve", *words, "--cards", str(folder)])
    return answer.exit_code, answer.output


def test_another_person_signs(folder: Path) -> None:
    before = (folder / "baclofen" / CARD / "card.yaml").read_text().splitlines()
    assert approve(folder, CARD, "--by", "Rob Reviewer", "--next-review", "2027-05-01")[0] == 0
    after = (folder / "baclofen" / CARD / "card.yaml").read_text().splitlines()
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 1
    review = next(card for card in load_library(folder).cards if card.id == CARD).review
    assert review["reviewer"] == "Rob Reviewer"
    assert review["author"] == "Ann Author"
    assert review["next_review"] == "2027-05-01"
    assert review["approved"] == review["last_review"] != ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((CARD, "--by", "ann author"), 1, "another person must review"),
        ((CARD, "--by", " "), 1, "another person must review"),
        (("quinine-cramps", "--by", "Rob"), 1, "has no author"),
        (("no-card", "--by", "Rob"), 2, "No card is called"),
        ((CARD, "--by", "Rob", "--next-review", "soon"), 2, "is not a date"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], code: int, said: str, folder: Path) -> None:
    answer = approve(folder, *words)
    assert answer[0] == code
    assert said in answer[1]
