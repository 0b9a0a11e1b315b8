"""The hardest cards of the catalogue, as drafts: they load, their vignettes pass, and nothing new is needed for them."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from cds_service.knowledge.library import load_library
from cds_service.simulation.check import check
from tests.conftest import CARDS

DRAFTS = Path(__file__).parent / "drafts"
NAMES = {"quinine-interaction", "baclofen-fast-titration", "baclofen-abrupt-stop", "cramp-associated-drugs"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library with the drafts in it."""
    root = tmp_path_factory.mktemp("cards")
    shutil.copytree(CARDS, root, dirs_exist_ok=True)
    shutil.copytree(DRAFTS, root, dirs_exist_ok=True)
    return root


def test_all_four_load(folder: Path) -> None:
    assert {card.id for card in load_library(folder).cards} >= NAMES


def test_their_vignettes_pass_and_prove_every_criterion(folder: Path) -> None:
    report = check(folder, date(2026, 11, 22))
    assert [str(fault) for fault in report.faults] == []
