"""The table of threats in docs/security.md: all 26 rows, and every test it names is there to run."""

import ast
import re
from functools import cache

import pytest

from tests.conftest import ROOT

LATER = "part 4: audit log and review pages – not built"
TABLE = (
    (ROOT / "docs" / "security.md")
    .read_text(encoding="utf-8")
    .partition("## The threat model")[2]
    .partition("\n## ")[0]
)
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE)
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE)


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_the_table_has_all_rows_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 27))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_named_in_the_table_exists(path: str, name: str) -> None:
    assert path.rpartition("/")[2].startswith("test_")
    assert name.startswith("test_")
    assert name in functions_of(path)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_its_tests_or_says_what_is_not_built(row: tuple[str, str, str, str]) -> None:
    _, threat, mitigation, proof = row
    assert threat
    if "`tests/" not in proof:
        assert (mitigation, proof) == ("–", LATER)
