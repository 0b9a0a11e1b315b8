"""The generated code tables: rows of plain strings, read from CSV."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar


class IngredientCode(NamedTuple):
    """A code that stands for one ingredient; `system` is a short word of `systems.py`."""

    ingredient: str
    system: str
    code: str
    tty: str
    name: str


class Product(NamedTuple):
    """A product code and the listed ingredients in it, separated by `;`."""

    code: str
    tty: str
    name: str
    ingredients: str
    prescribable: str


class DrugName(NamedTuple):
    """A name in normalised words.

    `kind`: name, brand, synonym, alone (counts only as the whole text), block (these words together mean no medicine)
    or never (a text with these words names no medicine at all).
    """

    name: str
    kind: str
    ingredients: str


class AtcRule(NamedTuple):
    """A rule of the ATC tree: `match` prefix or exact, `action` include or exclude (exclude wins inside its class)."""

    drug_class: str
    match: str
    code: str
    action: str
    ingredients: str
    note: str


class LabCode(NamedTuple):
    """A LOINC code: `use` is match, care or never."""

    code: str
    test: str
    variant: str
    use: str
    reason: str
    name: str


class ConditionCode(NamedTuple):
    """A code of a condition: `match` exact, prefix or range; `use` match, supporting, allergy or never.

    `root` is "true" for a code whose descendants in its hierarchy count too; they are not bundled (`expansions.py`).
    """

    concept: str
    system: str
    code: str
    match: str
    use: str
    note: str
    display: str
    root: str = ""


class UnitSpelling(NamedTuple):
    """How a number in this spelling of a unit becomes the unit of the test: `operation` multiply or divide."""

    test: str
    spelling: str
    operation: str
    operand: str
    unit: str


@dataclass(frozen=True, slots=True)
class Tables:
    """All generated tables together."""

    ingredients: Sequence[IngredientCode] = ()
    products: Sequence[Product] = ()
    names: Sequence[DrugName] = ()
    atc: Sequence[AtcRule] = ()
    labs: Sequence[LabCode] = ()
    conditions: Sequence[ConditionCode] = ()
    units: Sequence[UnitSpelling] = ()


GENERATED: dict[str, tuple[str, tuple[str, ...]]] = {
    "ingredients": ("drugs/ingredients.csv", IngredientCode._fields),
    "products": ("drugs/products.csv", Product._fields),
    "names": ("drugs/names.csv", DrugName._fields),
    "atc": ("drugs/atc.csv", AtcRule._fields),
    "labs": ("labs.csv", LabCode._fields),
    "conditions": ("conditions.csv", ConditionCode._fields),
    "units": ("units.csv", UnitSpelling._fields),
}
Row = TypeVar("Row", IngredientCode, Product, DrugName, AtcRule, LabCode, ConditionCode, UnitSpelling)


def read_table(path: Path, row: type[Row]) -> tuple[Row, ...]:
    """All rows of one generated table; raises ValueError when its header is not the row's fields."""
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines)
        header = next(reader, [])
        if tuple(header) != row._fields:
            raise ValueError(f"{path}: the columns are {', '.join(header)}; expected {', '.join(row._fields)}.")
        return tuple(map(row._make, reader))


def read_tables(folder: Path) -> Tables:
    """The generated tables below `folder` (`cards/shared`). Raises OSError or ValueError when one cannot be read."""
    return Tables(
        ingredients=read_table(folder / "drugs/ingredients.csv", IngredientCode),
        products=read_table(folder / "drugs/products.csv", Product),
        names=read_table(folder / "drugs/names.csv", DrugName),
        atc=read_table(folder / "drugs/atc.csv", AtcRule),
        labs=read_table(folder / "labs.csv", LabCode),
        conditions=read_table(folder / "conditions.csv", ConditionCode),
        units=read_table(folder / "units.csv", UnitSpelling),
    )
