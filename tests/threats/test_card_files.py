"""Threat 24: a card file can neither run anything nor reach beyond the words of the notation."""

import shutil
from pathlib import Path

import pytest

from cds_service.knowledge.faults import LibraryError
from cds_service.knowledge.library import load_library
from tests.conftest import CARDS

CARD = "diuretics/diuretic-low-potassium"


def refusal(folder: Path) -> str:
    with pytest.raises(LibraryError) as refused:
        load_library(folder)
    return str(refused.value)


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """A copy of the library with links for what is not changed."""
    folder = tmp_path / "cards"
    folder.mkdir()
    for path in CARDS.iterdir():
        if path.name == "shared":
            (folder / path.name).symlink_to(path)
    shutil.copytree(CARDS / CARD, folder / CARD)
    return folder


@pytest.mark.parametrize(
    "written",
    [
        "{{config}}",
        "{{7*7}}",
        "{{ self.__class__ }}",
        "{{request.environ}}",
        "{{cycler.__init__.__globals__.os}}",
        "{{",
    ],
)
def test_a_placeholder_that_is_no_word_of_the_notation_is_refused_where_it_stands(cards: Path, written: str) -> None:
    path = cards / CARD / "detail.md"
    with path.open("a", encoding="utf-8") as detail:
        detail.write(f"Read this: {written}\n")
    said = refusal(cards)
    assert f"{CARD}/detail.md:" in said
    assert "placeholder" in said


@pytest.mark.parametrize("tag", ['!!python/object/apply:os.system ["true"]', "!!python/object:x.Y {}", "!include x"])
def test_a_tag_is_refused_where_it_stands(cards: Path, tag: str) -> None:
    path = cards / CARD / "card.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, f"extra: {tag}", ""]), encoding="utf-8")
    assert f"{CARD}/card.yaml:{len(lines) + 1}: has the tag {tag.split()[0]}" in refusal(cards)
