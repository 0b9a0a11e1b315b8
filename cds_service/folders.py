"""Where the library and the fixtures lie: beside the package in a checkout, inside it in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _shipped(name: str) -> Path:
    beside = _PACKAGE.parent / name
    return beside if beside.exists() else _PACKAGE / "_library" / name


def cards_folder() -> Path:
    """The folder of cards that came with the program."""
    return _shipped("cards")


def fixtures_folder() -> Path:
    """The folder of synthetic patients and requests that came with the program."""
    return _shipped("fixtures")


def openapi_file() -> Path:
    """The description of the HTTP interface."""
    return _shipped("openapi.yaml")
