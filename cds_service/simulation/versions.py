"""A card's version against its history: a released card (1.0.0 or later) never changes without saying how much.

MAJOR: other patients see it, or see it at another level. MINOR: wording, suggestions, evidence. PATCH: the rest.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cds_service.knowledge.faults import Fault, LibraryError
from cds_service.knowledge.library import card_folders
from cds_service.knowledge.strict_yaml import parse_yaml

MAJOR = ("hooks", "about", "each", "when", "indicator", "merge")
PATCH = ("version", "review", "attributes", "grade_note", "status")
Version = tuple[int, int, int]
Content = dict[str, Any]


def version_faults(cards: Path) -> Iterator[Fault]:
    """Cards that changed more than their version says since it was given; nothing where there is no git history."""
    for folder in card_folders(cards):
        file = f"{folder.relative_to(cards).as_posix()}/card.yaml"
        now = _content(folder, None)
        given = _git(folder, "log", "--format=%H", "-n", "1", "-G", "^version:", "--", "card.yaml")
        before = _content(folder, given.strip()) if given.strip() else None
        if now is None or before is None:
            continue
        old, new = _version(before), _version(now)
        if old >= (1, 0, 0) and new < least_version(old, before, now):
            wanted = ".".join(str(part) for part in least_version(old, before, now))
            yield Fault(file, 0, f"changed since version {before['version']}: the version must be at least {wanted}")


def least_version(old: Version, before: Content, now: Content) -> Version:
    """The lowest version that tells the truth about a change."""
    major, minor, patch = old
    if any(_part(before, key) != _part(now, key) for key in MAJOR):
        return major + 1, 0, 0
    rest = {key for key in {*before, *now} if key not in (*MAJOR, *PATCH) and before.get(key) != now.get(key)}
    if rest:
        return major, minor + 1, 0
    return (major, minor, patch + 1) if _but_version(before) != _but_version(now) else old


def _part(content: Content, key: str) -> object:
    """A field with what each region puts in its place."""
    regions = content.get("regions") or {}
    return content.get(key), {region: fields.get(key) for region, fields in regions.items()}


def _but_version(content: Content) -> Content:
    return {key: value for key, value in content.items() if key != "version"}


def _version(content: Content) -> Version:
    major, minor, patch = (int(part) for part in str(content["version"]).split("."))
    return major, minor, patch


def _content(folder: Path, commit: str | None) -> Content | None:
    """The card and its texts as they stand, or as they stood at a commit; None when they cannot be read."""
    texts = sorted(path.name for path in folder.glob("*.md"))
    read = {name: _text(folder, name, commit) for name in ("card.yaml", *texts)}
    try:
        value = parse_yaml(read.pop("card.yaml"), "card.yaml").value
    except LibraryError:
        return None
    return {**value, **read} if isinstance(value, dict) and "version" in value else None


def _text(folder: Path, name: str, commit: str | None) -> str:
    return (folder / name).read_text(encoding="utf-8") if commit is None else _git(folder, "show", f"{commit}:./{name}")


def _git(folder: Path, *words: str) -> str:
    """What git says; nothing where there is no git or no history."""
    try:
        command = ["git", "-C", str(folder), *words]
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - own words, no shell
    except OSError:
        return ""
    return found.stdout if found.returncode == 0 else ""
