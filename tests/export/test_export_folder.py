"""Writing the package: the same bytes each time, only into a folder of its own, with the exit codes of all commands."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.export import MANIFEST, FolderError, write_package
from cds_service.knowledge import library as room
from tests.conftest import CARDS, shipped
from tests.export.conftest import edition_of, package_of

RUNNER = CliRunner()


def written(folder: Path, leave_out: str = "") -> Path:
    write_package(edition_of("us"), [one for one in package_of("us") if one["id"] != leave_out], folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_manifest_lists_every_file_with_its_sum(tmp_path: Path) -> None:
    found = contents(written(tmp_path / "new" / "folder"))
    listed = json.loads(found.pop(MANIFEST))
    assert listed["files"] == {name: hashlib.sha256(held).hexdigest() for name, held in sorted(found.items())}
    assert listed["libraryRevision"] == shipped().revision
    assert len(found) == len(package_of("us"))


def test_a_second_export_gives_the_same_bytes_and_takes_away_what_is_no_more(tmp_path: Path) -> None:
    first = contents(written(tmp_path))
    (tmp_path / "notes.txt").write_text("mine")
    gone = write_package(edition_of("us"), [one for one in package_of("us") if one["id"] != "data-quality"], tmp_path)
    assert gone.removed == ("PlanDefinition-data-quality.json",)
    assert not (tmp_path / gone.removed[0]).exists()
    assert contents(written(tmp_path)) == {**first, "notes.txt": b"mine"}


@pytest.mark.parametrize("manifest", [None, "", "[]", "{}", '{"madeBy": "cramp-cds export", "files": []}'])
def test_a_folder_with_anything_else_is_refused_and_left_alone(tmp_path: Path, manifest: str | None) -> None:
    (tmp_path / "PlanDefinition-mine.json").write_text("{}")
    if manifest is not None:
        (tmp_path / MANIFEST).write_text(manifest)
    before = contents(tmp_path)
    with pytest.raises(FolderError, match="is not empty and holds no earlier export"):
        written(tmp_path)
    assert contents(tmp_path) == before


def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "Plan-mine.json").write_text("{}")
    folder = tmp_path / "to"
    folder.mkdir()
    named = dict.fromkeys(("../Plan-mine.json", "notes.txt", "Plan-x/../../Plan-mine.json"), "")
    (folder / MANIFEST).write_text(json.dumps({"madeBy": "cramp-cds export", "files": named}))
    (folder / "notes.txt").write_text("mine")
    written(folder)
    assert (tmp_path / "Plan-mine.json").exists()
    assert (folder / "notes.txt").exists()


PROGRAM = """
import sys
sys.argv = ["cramp-cds", "export", "--to", sys.argv[1], "--region", "uk"]
from cds_service.cli import main
main()
"""


def test_no_chance_and_no_clock_go_into_the_bytes(tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        told = [sys.executable, "-c", PROGRAM, str(tmp_path / seed)]
        ended = subprocess.run(told, capture_output=True, cwd=CARDS.parent, env=environ)
        assert ended.returncode == 0, ended.stderr.decode()
        made.append(contents(tmp_path / seed))
    assert made[0] == made[1]


# --- the command


@pytest.fixture
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    load = room.load_library
    monkeypatch.setattr(
        room, "load_library", lambda folder, data=None: shipped() if folder == CARDS else load(folder, data)
    )


@pytest.mark.usefixtures("loaded_once")
def test_the_command_counts_what_it_wrote(tmp_path: Path) -> None:
    answer = RUNNER.invoke(main, ["export", "--to", str(tmp_path / "a"), "--json", "--base-url", "https://x.org/f"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert told["resources"]["PlanDefinition"] == len(shipped().cards)
    assert sum(told["resources"].values()) == len(told["files"])
    plan = json.loads((tmp_path / "a" / "PlanDefinition-data-quality.json").read_text(encoding="utf-8"))
    assert plan["url"] == "https://x.org/f/us/PlanDefinition/data-quality"


@pytest.mark.usefixtures("loaded_once")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--region", "xx"], 'The region "xx" is not one of us, uk, de.'),
        (["--base-url", "nowhere"], 'The base address "nowhere" is not'),
        ([], "is not empty and holds no earlier export (manifest.json)"),
    ],
)
def test_wrong_use_ends_with_2(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    answer = RUNNER.invoke(main, ["export", "--to", str(tmp_path), *words])
    assert answer.exit_code == 2
    assert said in answer.stderr
    assert contents(tmp_path) == {"notes.txt": b"mine"}


@pytest.mark.usefixtures("loaded_once")
def test_what_cannot_be_written_ends_with_4(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = RUNNER.invoke(main, ["export", "--to", str(tmp_path / "file")])
    assert answer.exit_code == 4
    assert "cannot be written" in answer.stderr


def test_a_folder_without_cards_ends_with_3(tmp_path: Path) -> None:
    answer = RUNNER.invoke(main, ["export", "--to", str(tmp_path / "to"), "--cards", str(tmp_path)])
    assert answer.exit_code == 3
