"""YAML without surprises: JSON's types only, no key twice, every line known."""

from pathlib import Path

import pytest

from cds_service.knowledge.faults import LibraryError
from cds_service.knowledge.strict_yaml import parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("on", "on"),
        ("012", "012"),
        ("0o14", "0o14"),
        ("2026-11-22", "2026-11-22"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        (".inf", ".inf"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("3", 3),
        ("3.10", 3.1),
        ('"3"', "3"),
    ],
)
def test_scalars(written: str, meant: object) -> None:
    assert parse_yaml(f"a: {written}\n", "x").value == {"a": meant}


def test_a_key_twice_is_refused_where_it_stands() -> None:
    with pytest.raises(LibraryError, match=r'x:3: the key "a" stands here twice'):
        parse_yaml("a: 1\nb: 2\na: 3\n", "x")


def test_broken_yaml_is_refused_with_its_line() -> None:
    with pytest.raises(LibraryError, match=r"x:2: is not YAML"):
        parse_yaml("a: 1\n b: [\n", "x")


def test_a_value_that_holds_itself_is_refused() -> None:
    with pytest.raises(LibraryError, match=r"x: is nested too deeply"):
        parse_yaml("a: &x [*x]\n", "x")


@pytest.mark.parametrize(
    "written",
    [
        '!!python/object/apply:os.system ["true"]',
        "!!python/object:cds_service.settings.Settings {}",
        "!!python/name:os.system",
        "!!python/tuple [1]",
        "!!binary aGk=",
        "!!set {x}",
        "!include other.yaml",
        "!ENV ${HOME}",
    ],
)
def test_a_tag_is_refused_where_it_stands(written: str) -> None:
    with pytest.raises(LibraryError, match=r"x:2: has the tag !.*; no tag is allowed"):
        parse_yaml(f"a: 1\nb: {written}\n", "x")


def test_aliases_of_aliases_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.knowledge.strict_yaml.MOST_VALUES", 10_000)
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    with pytest.raises(LibraryError, match=r"x:\d+: holds more than 10000 values"):
        parse_yaml(bomb, "x")


def test_lines_are_those_of_the_file() -> None:
    document = parse_yaml("a:\n  - b: 1\n  - c: 2\n", "x")
    assert document.line(("a", 1, "c")) == 3
    assert document.line(("a", 1, "c", "unknown")) == 3


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml", "none.yaml")
