"""Writing a package into a folder that is its own: one file for each resource and a list of them."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cds_service.export.edition import Edition, Json

MANIFEST = "manifest.json"
_MAKER = "cramp-cds export"
_FILE = re.compile(r"[A-Z][A-Za-z]+-[A-Za-z0-9.-]{1,64}\.json\Z")


class FolderError(Exception):
    """The folder holds something that no export wrote."""


class Written(NamedTuple):
    """What stands in the folder: files by name with their SHA-256, and the earlier files that are gone."""

    files: Mapping[str, str]
    removed: tuple[str, ...]


def write_package(edition: Edition, resources: Iterable[Json], folder: Path) -> Written:
    """Write every resource as `Type-id.json`, and `manifest.json`; files of an earlier export that are no more go.

    The manifest is written first, so that a run that was cut short can be repeated. Raises `FolderError`, OSError.
    """
    earlier = _earlier(folder)
    contents = {f"{one['resourceType']}-{one['id']}.json": _text(one) for one in resources}
    files = {name: hashlib.sha256(contents[name].encode()).hexdigest() for name in sorted(contents)}
    gone = tuple(sorted(earlier - set(files)))
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / MANIFEST, _text(_listing(edition, files)))
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    for name in files:
        _write(folder / name, contents[name])
    return Written(files, gone)


def _listing(edition: Edition, files: Mapping[str, str]) -> Json:
    library = edition.library
    return {
        "madeBy": _MAKER,
        "fhirVersion": "4.0.1",
        "region": edition.region,
        "libraryVersion": library.version,
        "libraryRevision": library.revision,
        "files": dict(files),
    }


def _earlier(folder: Path) -> set[str]:
    """The files an earlier export wrote here. Refuses a folder with anything in it but no list of an export."""
    if not folder.exists() or not any(folder.iterdir()):
        return set()
    listed = _read(folder / MANIFEST)
    if listed.get("madeBy") != _MAKER or not isinstance(listed.get("files"), dict):
        raise FolderError(
            f"{folder} is not empty and holds no earlier export ({MANIFEST}): name an empty or a new folder."
        )
    return {name for name in listed["files"] if _FILE.match(name)}


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
