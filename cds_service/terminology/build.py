"""The generator: committed source tables in, the tables the service reads out; the same input gives the same bytes.

It refuses what a reviewer could overlook: an unknown term type, a wrong check digit, a table that shrinks, a code that
suddenly means something else.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cds_service.terminology.derive import (
    BuildError,
    SourceRow,
    atc_rows,
    condition_rows,
    fold_with,
    ingredient_rows,
    lab_rows,
    name_rows,
    product_rows,
    unit_rows,
)
from cds_service.terminology.tables import GENERATED

__all__ = ["BuildError", "BuildReport", "build"]

GENERATOR = "1"
_SHRINKS_AT_MOST = 0.02
# The source tables and the columns the generator reads; others (provenance) are for people.
_SOURCES = {
    "ingredients": ("ingredient", "rxcui", "tty", "atc", "snomed"),
    "salts": ("name", "ingredients"),
    "names": ("name", "kind", "ingredients"),
    "products": ("rxcui", "tty", "name", "ingredients", "prescribable"),
    "atc": ("class", "match", "code", "action", "ingredients", "note"),
    "labs": ("code", "test", "variant", "use", "reason", "name"),
    "conditions": ("concept", "system", "code", "match", "use", "note", "display"),
    "units": ("test", "unit", "from_unit", "operation", "operand"),
    "unit_spellings": ("unit", "spelling"),
}
# Which columns say what a code is, and which what it means; a code must not change its meaning unseen.
_IDENTITY = {
    "ingredients": (("system", "code"), ("ingredient",)),
    "products": (("code",), ("ingredients",)),
    "names": (("name",), ("kind", "ingredients")),
    "atc": (("code",), ("drug_class", "match", "action", "ingredients")),
    "labs": (("code",), ("test", "variant", "use")),
    "conditions": (("system", "code"), ("concept", "match", "use")),
    "units": (("test", "spelling"), ("operation", "operand", "unit")),
}


class BuildReport(NamedTuple):
    """What was written: rows per file, and the codes whose meaning changed (accepted by the caller)."""

    rows: Mapping[str, int]
    changes: tuple[str, ...]


def build(sources: Path, out: Path, *, accept_changes: bool = False) -> BuildReport:
    """Write the generated tables and `manifest.json` below `out` (`cards/shared`) from the CSV files in `sources`.

    Raises BuildError, and writes nothing, when a source row is wrong or (without `accept_changes`) when a table
    loses more than 2 % of its rows or a code changes its meaning.
    """
    tables = {GENERATED[name][0]: _encode(GENERATED[name][1], rows) for name, rows in _derived(sources).items()}
    changes = _changes(tables, out)
    if changes and not accept_changes:
        shown = "; ".join(changes[:10]) + (f"; and {len(changes) - 10} more" if len(changes) > 10 else "")
        raise BuildError(f"The generated tables would change in a way that needs a decision: {shown}.")
    tables["manifest.json"] = _manifest(sources, tables)
    for name, text in tables.items():
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
    return BuildReport({name: text.count("\n") - 1 for name, text in tables.items() if name.endswith(".csv")}, changes)


def _derived(folder: Path) -> dict[str, Sequence[tuple[str, ...]]]:
    read = {name: _read(folder / f"{name}.csv", columns) for name, columns in _SOURCES.items()}
    fold = fold_with(read["salts"])
    ingredients = ingredient_rows(read["ingredients"], fold)
    products = product_rows(read["products"], fold, frozenset(row.ingredient for row in ingredients))
    return {
        "ingredients": ingredients,
        "products": products,
        "names": name_rows(read["ingredients"], products, read["names"], fold),
        "atc": atc_rows(read["atc"], fold),
        "labs": lab_rows(read["labs"]),
        "conditions": condition_rows(read["conditions"]),
        "units": unit_rows(read["units"], read["unit_spellings"]),
    }


def _read(path: Path, columns: Iterable[str]) -> list[SourceRow]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, strict=True)
        if missing := [column for column in columns if column not in (rows.fieldnames or ())]:
            raise BuildError(f"{path.name} lacks the columns {', '.join(missing)}.")
        return list(rows)


def _encode(header: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(sorted(set(rows)))
    return text.getvalue()


def _changes(tables: Mapping[str, str], out: Path) -> tuple[str, ...]:
    """What a reviewer must decide about, as fragments of sentences."""
    found: list[str] = []
    for name, (path, _) in GENERATED.items():
        if (out / path).exists():
            before = list(csv.DictReader(io.StringIO((out / path).read_text(encoding="utf-8"))))
            after = list(csv.DictReader(io.StringIO(tables[path])))
            if len(after) < len(before) * (1 - _SHRINKS_AT_MOST):
                found.append(f"{path} would shrink from {len(before)} to {len(after)} rows")
            found += _changed_meanings(path, _meanings(name, before), _meanings(name, after))
    return tuple(found)


def _meanings(name: str, rows: Iterable[SourceRow]) -> dict[str, set[str]]:
    key, meaning = _IDENTITY[name]
    found: dict[str, set[str]] = {}
    for row in rows:
        if all(row.get(column) for column in key):
            value = " ".join(row.get(column) or "-" for column in meaning)
            found.setdefault(" ".join(row[column] for column in key), set()).add(value)
    return found


def _changed_meanings(path: str, before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> list[str]:
    return [
        f'{path}: {code} would change from "{", ".join(sorted(before[code]))}" to "{", ".join(sorted(after[code]))}"'
        for code in sorted(before.keys() & after.keys())
        if before[code] != after[code]
    ]


def _manifest(sources: Path, tables: Mapping[str, str]) -> str:
    made = {name: sha256(text.encode()).hexdigest() for name, text in tables.items()}
    used = {f"{name}.csv": sha256((sources / f"{name}.csv").read_bytes()).hexdigest() for name in _SOURCES}
    manifest = {"generator": GENERATOR, "generated": made, "sources": used}
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"
