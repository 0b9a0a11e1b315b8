"""Every number of the shared files says where it comes from."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.conftest import CARDS

DESIGN = "design"
"""A default of this project that no source sets."""


def shared(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CARDS / "shared" / name).read_text(encoding="utf-8"))
    return found


def figures(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The limits below a test: whatever has a value."""
    if isinstance(value, dict):
        if "value" in value:
            yield path, value
        else:
            for key, part in value.items():
                yield from figures(part, f"{path}.{key}")


def test_every_limit_has_a_source_and_a_day() -> None:
    sources = {*shared("sources.yaml"), DESIGN}
    found = [item for name, test in shared("labs.yaml")["tests"].items() for item in figures(test.get("limits"), name)]
    assert found
    for place, limit in found:
        assert limit["source"] in sources, place
        assert limit["still_valid_on"], place
        assert "valid_from" in limit, place


def test_every_plausible_band_has_a_source() -> None:
    sources = {*shared("sources.yaml"), DESIGN}
    assert {
        name for name, test in shared("labs.yaml")["tests"].items() if test["plausible"]["source"] not in sources
    } == set()


def test_every_source_is_cited_once_in_full() -> None:
    citations = [entry["citation"] for entry in shared("sources.yaml").values()]
    assert len(set(citations)) == len(citations)
