"""No medicine in the engine, no Python among the cards: identifiers, strings and comments are looked through."""

import ast
import csv
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
CARDS, ENGINE = ROOT / "cards", ROOT / "cds_service"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_no_python_among_the_cards() -> None:
    assert list(CARDS.rglob("*.py")) == []


# Words of the engine that are also medicine, each with its reason.
ALLOWED: Mapping[str, frozenset[tuple[str, ...]]] = {
    # Being pregnant is a fact of its own, like age and sex: never inferred, with an end of its own.
    "knowledge/facts/conditions.py": frozenset({("pregnancy",)}),
}
CODE_LIKE = re.compile(
    r"(?<![\[\w.-])\d{1,5}-\d(?![\w-])"  # LOINC
    r"|(?<![\w.-])\d{6,18}(?![\w.-])"  # SNOMED CT, RxNorm
    r"|\b[A-TV-Z]\d\d\.\d"  # ICD-10
    r"|\b[A-V]\d\d[A-Z]{2}\d\d\b"  # ATC
)
QUANTITY = re.compile(r"\d\s?(?:mmol/L|umol/L|mg/dL|g/dL|g/L|m[Ee]q/L|mL/min|mg|ms)\b")
MODULES = sorted(path for path in ENGINE.rglob("*.py") if "_library" not in path.parts)


def spoken(term: str) -> tuple[str, ...]:
    """The words of a name in code or prose."""
    return tuple(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", term).lower()))


def loaded(name: str, key: str) -> Mapping[str, Mapping[str, object]]:
    found: Mapping[str, Mapping[str, object]] = yaml.safe_load(text(CARDS / "shared" / name))[key]
    return found


@cache
def medicine() -> Mapping[str, list[tuple[str, ...]]]:
    """Names of ingredients, classes, conditions and tests, by their first word."""
    rows = csv.DictReader(io.StringIO(text(CARDS / "shared" / "drugs" / "ingredients.csv")))
    names = {row["ingredient"] for row in rows}
    names |= {
        *loaded("drugs/classes.yaml", "classes"),
        *loaded("conditions.yaml", "concepts"),
        *loaded("labs.yaml", "tests"),
    }
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for term in sorted(map(spoken, names)):
        by_first.setdefault(term[0], []).append(term)
    return by_first


@cache
def codes() -> frozenset[str]:
    tables = ("drugs/ingredients.csv", "drugs/products.csv", "drugs/atc.csv", "labs.csv", "conditions.csv")
    rows = (row for name in tables for row in csv.DictReader(io.StringIO(text(CARDS / "shared" / name))))
    return frozenset(row["code"] for row in rows if len(row["code"]) > 3)


@cache
def limits() -> frozenset[float]:
    """The figures of labs.yaml that are no whole numbers: a whole number may mean anything."""

    def figures(value: object) -> Iterator[float]:
        if isinstance(value, dict):
            for part in value.values():
                yield from figures(part)
        elif isinstance(value, float):
            yield value

    found = (value for test in loaded("labs.yaml", "tests").values() for value in figures(test.get("limits", {})))
    return frozenset(value for value in found if value % 0.5)


def docstrings(tree: ast.Module) -> set[int]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    bodies = (node.body[0] for node in ast.walk(tree) if isinstance(node, kinds) and node.body)
    return {id(first.value) for first in bodies if isinstance(first, ast.Expr)}


def said(source: str) -> Iterator[tuple[int, str]]:
    """Every identifier, string and comment of a module but its docstrings, with its line."""
    tree = ast.parse(source)
    silent = docstrings(tree)
    for node in ast.walk(tree):
        for name in ("id", "attr", "name", "arg"):
            found = getattr(node, name, None)
            if isinstance(found, str):
                yield getattr(node, "lineno", 0), found
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def names_in(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for place, word in enumerate(words):
        for term in medicine().get(word, ()):
            if tuple(words[place : place + len(term)]) == term:
                yield term


def medical_names(source: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    for line, words in said(source):
        yield from ((line, term) for term in names_in(spoken(words)))


def figures(source: str) -> Iterator[tuple[int, str]]:
    """Codes and thresholds."""
    for line, words in said(source):
        tokens = set(re.findall(r"[\w.-]+", words))
        yield from ((line, code) for code in sorted(tokens & codes()))
        yield from ((line, found) for found in CODE_LIKE.findall(words))
        # An example of the notation in an error message is no threshold.
        if QUANTITY.search(words) and not re.search(r"\b(?:like|such as)\b", words):
            yield line, words
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value in limits():
            yield node.lineno, str(node.value)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ENGINE).as_posix())
def test_no_medicine_in_the_engine(module: Path) -> None:
    allowed = ALLOWED.get(module.relative_to(ENGINE).as_posix(), frozenset())
    assert [(line, term) for line, term in medical_names(text(module)) if term not in allowed] == []
    assert list(figures(text(module))) == []


def test_the_allowed_words_are_needed() -> None:
    for name, terms in ALLOWED.items():
        assert terms <= {term for _, term in medical_names(text(ENGINE / name))}, name


@pytest.mark.parametrize(
    "source",
    [
        'DRUG = "quinine"',
        "def potassium(): ...",
        "x.loop_diuretic",
        "loopDiuretic = 1",
        "# in cirrhosis",
        'CODE = "2823-3"',
        'CODE = "55300003"',
        'CODE = "D80.0"',
        'CODE = "M09AA01"',
        'CODE = "9071"',
        'LIMIT = "3.5 mmol/L"',
        "LIMIT = 0.7",
    ],
)
def test_the_scan_finds_what_it_looks_for(source: str) -> None:
    assert [*medical_names(source), *figures(source)]


def test_the_scan_leaves_docstrings_alone() -> None:
    assert [*medical_names('"""Such as quinine."""'), *figures('"""Below 3.5 mmol/L."""')] == []
