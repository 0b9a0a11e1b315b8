"""Synthetic patients and requests that come with the program; their dates are offsets from the day of use."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cds_service.folders import fixtures_folder

_OFFSET = re.compile(r"\{\{(today|now|year)(?:([-+][0-9]+)d)?\}\}")

Json = dict[str, Any]


class Fixture(NamedTuple):
    """A named synthetic patient: one line of story, the hook call, and which cards must (and must not) be seen."""

    name: str
    story: str
    sees: dict[str, str]
    never: tuple[str, ...]
    request: Json


class UnknownFixture(Exception):
    """No synthetic patient of that name."""


def with_dates(text: str, now: datetime) -> str:
    """Text with `{{today-3d}}`, `{{now-3d}}` and `{{year-71d}}`-like offsets replaced by real dates."""

    def date_of(match: re.Match[str]) -> str:
        moment = now + timedelta(days=int(match[2] or 0))
        if match[1] == "year":
            return f"{moment.year}"
        return moment.date().isoformat() if match[1] == "today" else moment.isoformat(timespec="seconds")

    return _OFFSET.sub(date_of, text)


def patients(now: datetime, folder: Path | None = None) -> Iterator[Fixture]:
    """Every named synthetic patient, quiet people included, in the order of their names."""
    root = folder or fixtures_folder()
    for path in sorted([*root.glob("patients/*.json"), *root.glob("quiet/*.json")]):
        yield read_patient(path, now)


def read_patient(path: Path, now: datetime) -> Fixture:
    """One patient file."""
    content = json.loads(with_dates(path.read_text(encoding="utf-8"), now))
    return Fixture(
        path.stem, content["story"], content.get("sees", {}), tuple(content.get("never", ())), content["request"]
    )


def find(name: str, now: datetime) -> Fixture:
    """The patient of a name. Raises `UnknownFixture`."""
    for folder in ("patients", "quiet"):
        path = fixtures_folder() / folder / f"{name}.json"
        if name.replace("-", "").isalnum() and path.is_file():
            return read_patient(path, now)
    raise UnknownFixture(name)
