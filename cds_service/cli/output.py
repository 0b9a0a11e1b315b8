"""How commands speak: data on stdout, messages on stderr, fixed exit codes (docs/commands.md)."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from cds_service.folders import cards_folder

if TYPE_CHECKING:
    from cds_service.knowledge.library import Library

OK, FINDINGS, USAGE, CONFIGURATION, UNREACHABLE = 0, 1, 2, 3, 4

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
cards_option = click.option(
    "--cards", type=click.Path(path_type=Path, file_okay=False), help="The folder of cards (default: those shipped)."
)


def emit(value: object) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def stop(code: int, *sentences: str) -> NoReturn:
    """End with an exit code and sentences on stderr."""
    for sentence in sentences:
        click.echo(sentence, err=True)
    sys.exit(code)


def data_folder() -> Path:
    """The folder of records and of expansions: CDS_DATA_DIR, else the default of the settings."""
    return Path(os.environ.get("CDS_DATA_DIR") or "data")


def library_of(cards: Path | None) -> "Library":
    """The library of a folder, with the site's expansion; ends with code 3 and its faults when it cannot be used."""
    from cds_service.knowledge.faults import LibraryError
    from cds_service.knowledge.library import load_library

    try:
        return load_library(cards or cards_folder(), data_folder())
    except LibraryError as error:
        stop(CONFIGURATION, *(str(fault) for fault in error.faults))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; ends with code 4 when it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        stop(UNREACHABLE, f"{path} cannot be read: {error.strerror}.")
    except ValueError as error:
        stop(UNREACHABLE, f"{path} is not JSON: {error}.")
    if not isinstance(content, dict):
        stop(UNREACHABLE, f"{path} must hold a JSON object.")
    return content
