"""The generator: same input, same bytes; and what it refuses."""

import csv
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cds_service.terminology import build_terms, read_tables
from cds_service.terminology.build import BuildError, build
from tests.terminology.shared_lists import SHARED, read_yaml

GENERATED = ["drugs/ingredients.csv", "drugs/products.csv", "drugs/names.csv", "drugs/atc.csv"]
GENERATED += ["labs.csv", "conditions.csv", "units.csv"]


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("first")
    build(SHARED / "sources", out)
    return out


@pytest.fixture
def sources(tmp_path) -> Path:
    """A copy of the sources that a test may spoil; few products, so that building is quick."""
    folder = tmp_path / "sources"
    folder.mkdir()
    for path in (SHARED / "sources").glob("*.csv"):
        (folder / path.name).write_bytes(path.read_bytes())
    lines = (folder / "products.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "products.csv").write_text("".join(lines[:300]), encoding="utf-8")
    return folder


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_same_input_gives_the_committed_bytes(first):
    for name in [*GENERATED, "manifest.json"]:
        assert (first / name).read_bytes() == (SHARED / name).read_bytes(), f"run the generator: {name} is stale"


def test_manifest_holds_the_hash_of_every_generated_file():
    manifest = json.loads((SHARED / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest["generated"]) == sorted(GENERATED)
    for name, digest in manifest["generated"].items():
        assert sha256((SHARED / name).read_bytes()).hexdigest() == digest


def test_tables_are_sorted_and_without_doubles():
    for name in GENERATED:
        with (SHARED / name).open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))[1:]
        assert rows == sorted(rows)
        assert len(rows) == len({tuple(row) for row in rows})


def test_snomed_displays_come_from_the_free_set_and_every_code_has_a_source():
    with (SHARED / "sources/conditions.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["system"] == "snomed"]
    free = {row["code"] for row in rows if "HL7/fhir-ips" in row["sources"]}
    assert [row["code"] for row in rows if row["display"] and row["code"] not in free] == []
    assert [row["code"] for row in rows if not row["sources"]] == []


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("products.csv", ",SCD,", ",XYZ,", "term type"),
        ("labs.csv", "2823-3", "2823-4", "LOINC"),
        ("conditions.csv", "19943007", "19943006", "SNOMED"),
        ("conditions.csv", ",prefix,match,", ",prefix,maybe,", "maybe"),
        ("conditions.csv", ",descendants,match,", ",descendants,supporting,", "no descendants"),
        ("conditions.csv", "concept,", "notion,", "columns"),
        ("atc.csv", ",include,", ",perhaps,", "perhaps"),
    ],
)
def test_wrong_source_rows_are_refused(sources, tmp_path, name, old, new, told):
    change(sources / name, old, new)
    with pytest.raises(BuildError, match=told):
        build(sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_shrinking_table_is_refused(sources, tmp_path):
    out = tmp_path / "out"
    build(sources, out)
    before = (out / "labs.csv").read_bytes()
    lines = (sources / "labs.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (sources / "labs.csv").write_text("".join(lines[:-10]), encoding="utf-8")
    with pytest.raises(BuildError, match="shrink"):
        build(sources, out)
    assert (out / "labs.csv").read_bytes() == before
    assert build(sources, out, accept_changes=True).changes


def test_a_code_that_changes_its_meaning_is_refused(sources, tmp_path):
    out = tmp_path / "out"
    build(sources, out)
    change(sources / "labs.csv", "2951-2,sodium", "2951-2,potassium")
    with pytest.raises(BuildError, match="2951-2 would change"):
        build(sources, out)


def test_lists_that_disagree_with_the_tables_are_refused(listed):
    tables = read_tables(SHARED)
    wrong: dict[str, Any] = read_yaml("drugs/classes.yaml")
    wrong["classes"]["quinine"]["ingredients"] = ["quinin"]
    with pytest.raises(ValueError, match="quinin"):
        build_terms(tables, **{**listed, "classes": wrong})
    wrong = read_yaml("drugs/classes.yaml")
    wrong["classes"]["thiazide"]["includes"] = ["diuretic"]
    with pytest.raises(ValueError, match="includes itself"):
        build_terms(tables, **{**listed, "classes": wrong})
    wrong = read_yaml("drugs/classes.yaml")
    del wrong["classes"]["ppi"]
    with pytest.raises(ValueError, match="ppi"):
        build_terms(tables, **{**listed, "classes": wrong})
    wrong = read_yaml("conditions.yaml")
    del wrong["concepts"]["gout"]
    with pytest.raises(ValueError, match="gout"):
        build_terms(tables, **{**listed, "conditions": wrong})


def test_lists_hold_only_json_types(listed):
    def look(value: Any, where: str) -> None:
        assert isinstance(value, str | int | float | list | dict), where
        assert not isinstance(value, bool) or ".conditions." in where, where
        children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, child in children:
            assert isinstance(key, str | int), where
            look(child, f"{where}.{key}")

    for name, content in listed.items():
        look(content, name)
