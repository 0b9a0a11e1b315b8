"""A released card that changes must say how much: its version against git's history."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from cds_service.simulation.versions import version_faults

CARD = """id: some-card
title: A card
version: {version}
when: {{age: {{at_least: {age}}}}}
summary: "{summary}"
review: {{author: "{author}"}}
"""


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library of one released card, committed."""
    (tmp_path / "group/some-card").mkdir(parents=True)
    git(tmp_path, "init", "-q")
    write(tmp_path)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "release")
    return tmp_path


def write(folder: Path, version: str = "1.2.3", age: int = 65, summary: str = "Old.", author: str = "") -> list[str]:
    path = folder / "group/some-card"
    path.joinpath("card.yaml").write_text(CARD.format(version=version, age=age, summary=summary, author=author))
    path.joinpath("detail.md").write_text("Text.")
    return [str(fault) for fault in version_faults(folder)]


def test_nothing_changed(folder: Path) -> None:
    assert write(folder) == []


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"age": 70}, "2.0.0"),
        ({"summary": "New."}, "1.3.0"),
        ({"author": "A"}, "1.2.4"),
    ],
)
def test_a_change_needs_its_version(folder: Path, change: dict[str, Any], least: str) -> None:
    (fault,) = write(folder, **change)
    assert f"changed since version 1.2.3: the version must be at least {least}" in fault
    git(folder, "commit", "-qam", "change without a version")
    assert len(list(version_faults(folder))) == 1


def test_the_text_counts_too(folder: Path) -> None:
    (folder / "group/some-card/detail.md").write_text("Other text.")
    assert "1.3.0" in str(next(version_faults(folder)))


def test_a_truthful_version_is_accepted_once_committed(folder: Path) -> None:
    write(folder, version="2.0.0", age=70)
    git(folder, "commit", "-qam", "2.0.0")
    assert write(folder, version="2.0.0", age=70) == []


def test_before_the_first_release_everything_may_change(folder: Path) -> None:
    write(folder, version="0.1.0")
    git(folder, "commit", "-qam", "0.1.0")
    assert write(folder, version="0.1.0", age=70) == []


def test_without_history_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "group/some-card").mkdir(parents=True)
    assert write(tmp_path) == []
