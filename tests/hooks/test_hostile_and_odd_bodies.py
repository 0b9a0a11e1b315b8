"""Every odd and hostile request file, at the reader: the status and the sentence its index entry promises."""

from pathlib import Path

import pytest
import yaml

from cds_service.folders import fixtures_folder
from cds_service.hooks import SERVICES, Refused, read_feedback, read_request

REQUESTS = fixtures_folder() / "requests"
INDEX = yaml.safe_load((REQUESTS / "index.yaml").read_text(encoding="utf-8"))
READER_FILES = [name for name, entry in INDEX.items() if entry["status"] != 415]


@pytest.mark.parametrize("name", READER_FILES)
def test_the_reader_says_what_the_index_says(name: str) -> None:
    entry = INDEX[name]
    body = (REQUESTS / name).read_bytes()
    try:
        if entry.get("door") == "feedback":
            read_feedback(body)
        else:
            read_request(body, SERVICES[entry["service"]])
        # Whether anything can be judged (412) is for the service to say.
        status, said = (200, "")
    except Refused as refused:
        status, said = refused.status, f"{refused.message} {refused.pointer}"
    expected = 200 if entry["status"] in (204, 412) else entry["status"]
    assert status == expected, said
    if status != 200:
        assert entry["says"] in said


def test_every_file_is_in_the_index() -> None:
    files = {f"{path.parent.name}/{path.name}" for path in REQUESTS.glob("odd/*")}
    files |= {f"{path.parent.name}/{path.name}" for path in REQUESTS.glob("hostile/*")}
    assert files == {name for name in INDEX if name.startswith(("odd/", "hostile/"))}


def test_every_entry_tells_its_story() -> None:
    assert all(entry["story"].endswith(".") and entry["service"] in SERVICES for entry in INDEX.values())
    assert all("says" in entry for entry in INDEX.values() if entry["status"] in (400, 413, 415))


def test_stored_beside_the_package() -> None:
    assert isinstance(REQUESTS, Path)
    assert REQUESTS.is_dir()
