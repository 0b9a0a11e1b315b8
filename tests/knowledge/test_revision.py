"""The revision names what the library says, not how its files are laid out."""

import shutil
from pathlib import Path

import pytest

from cds_service.knowledge.revision import revision_of
from tests.conftest import CARDS

CARD = "quinine/quinine-cramps/card.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CARDS, tmp_path / "cards"))


def test_comments_order_and_vignettes_do_not_count(folder: Path) -> None:
    before = revision_of(folder)
    path = folder / CARD
    path.write_text("# a remark\n" + path.read_text().replace("\n", "\r\n"), newline="")
    (folder / "quinine/quinine-cramps/vignettes.yaml").write_text("[]\n")
    assert revision_of(folder) == before == revision_of(CARDS)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (CARD, "priority: 20", "priority: 21"),
        ("quinine/quinine-cramps/detail.md", "Benefit", "Benefits"),
        ("shared/labs.yaml", "value: 3.5", "value: 3.6"),
        ("shared/labs.csv", "2823-3", "2823-4"),
        ("shared/orders/magnesium.json", "draft", "active"),
    ],
)
def test_a_word_a_number_or_a_code_counts(file: str, old: str, new: str, folder: Path) -> None:
    before = revision_of(folder)
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert revision_of(folder) != before
