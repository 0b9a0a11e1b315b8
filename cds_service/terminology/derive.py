"""From the committed source tables to the rows the service reads: folding of salts, drug names, unit spellings."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from cds_service.terminology.check_digits import loinc_is_valid, snomed_is_valid
from cds_service.terminology.conditions import plain_code
from cds_service.terminology.labs import spelling
from cds_service.terminology.names import words
from cds_service.terminology.tables import (
    AtcRule,
    ConditionCode,
    DrugName,
    IngredientCode,
    LabCode,
    Product,
    UnitSpelling,
)

SourceRow = Mapping[str, str]
Fold = Callable[[str], tuple[str, ...]]

TERM_TYPES = (
    *("IN", "PIN", "MIN", "IN|PIN|MIN", "SCD", "SBD", "SCDC", "SBDC", "SCDF", "SBDF", "SCDG", "SBDG"),
    *("SCDGP", "SCDFP", "SBDFP", "GPCK", "BPCK", "BN"),
)
_BRANDED = frozenset({"SBD", "SBDC", "SBDF", "SBDG", "SBDFP"})
_BRACKET = re.compile(r"\[([^\]]+)\]\s*$")
_SHORTEST_BRAND = 4
_NAME_KINDS = ("synonym", "alone", "block", "never")
_CONDITION_WORDS = {
    "use": ("match", "supporting", "allergy", "never"),
    "match": ("descendants", "exact", "prefix", "range"),
}


class BuildError(ValueError):
    """The tables were not written; the message says which row is wrong and what is allowed."""


def fold_with(salts: Iterable[SourceRow]) -> Fold:
    """A function from a source name to the base ingredients it stands for, in lower case."""
    table = {row["name"].casefold(): tuple(row["ingredients"].split(";")) for row in salts}

    def fold(name: str) -> tuple[str, ...]:
        plain = name.strip().casefold()
        return table.get(plain, (plain,))

    return fold


def folded(joined: str, fold: Fold) -> tuple[str, ...]:
    """The base ingredients of a list separated by `;`, sorted, without doubles."""
    return tuple(sorted({base for name in joined.split(";") if name.strip() for base in fold(name)}))


def ingredient_rows(ingredients: Iterable[SourceRow], fold: Fold) -> list[IngredientCode]:
    """One row per code of an ingredient; an ingredient without any code keeps one row with empty code."""
    rows: list[IngredientCode] = []
    for row in ingredients:
        _check_term_type(row["tty"], f'ingredients.csv: "{row["ingredient"]}"')
        for base in fold(row["ingredient"]):
            rows.extend(_codes_of(row, base))
    coded = {row.ingredient for row in rows if row.code}
    return [row for row in rows if row.code or row.ingredient not in coded]


def _codes_of(row: SourceRow, base: str) -> list[IngredientCode]:
    codes = [IngredientCode(base, "rxnorm", row["rxcui"], row["tty"], row["ingredient"])] if row["rxcui"] else []
    codes += [IngredientCode(base, "atc", code, "", "") for code in row["atc"].split(";") if code]
    for code in filter(None, row["snomed"].split(";")):
        if not snomed_is_valid(code):
            raise BuildError(f'ingredients.csv: "{row["ingredient"]}" has {code}, which is not a valid SNOMED CT id.')
        codes.append(IngredientCode(base, "snomed", code, "", ""))
    return codes or [IngredientCode(base, "", "", "", "")]


def product_rows(products: Iterable[SourceRow], fold: Fold, known: frozenset[str]) -> list[Product]:
    """One row per product code with its base ingredients; refuses unknown term types and ingredients."""
    rows = []
    for row in products:
        _check_term_type(row["tty"], f"products.csv: {row['rxcui']}")
        bases = folded(row["ingredients"], fold)
        if unknown := sorted(set(bases) - known):
            raise BuildError(f"products.csv: {row['rxcui']} contains {', '.join(unknown)}, not in ingredients.csv.")
        rows.append(Product(row["rxcui"], row["tty"], row["name"], ";".join(bases), row["prescribable"]))
    return rows


def _check_term_type(tty: str, where: str) -> None:
    if tty and tty not in TERM_TYPES:
        raise BuildError(f'{where} has the term type "{tty}"; known are {", ".join(TERM_TYPES)}.')


def name_rows(
    ingredients: Iterable[SourceRow], products: Sequence[Product], listed: Iterable[SourceRow], fold: Fold
) -> list[DrugName]:
    """Every name a text may use; a listed name wins over an ingredient's, an ingredient's over a brand."""
    found = {name: ("brand", bases) for name, bases in _brands(products).items()}
    for product in products:
        if product.tty == "PIN":
            found[_joined(product.name)] = ("name", tuple(product.ingredients.split(";")))
    for row in ingredients:
        found[_joined(row["ingredient"])] = ("name", fold(row["ingredient"]))
        for base in fold(row["ingredient"]):
            found[_joined(base)] = ("name", (base,))
    for row in listed:
        if row["kind"] not in _NAME_KINDS:
            raise BuildError(f'names.csv: "{row["name"]}" is of kind "{row["kind"]}"; use {", ".join(_NAME_KINDS)}.')
        found[_joined(row["name"])] = (row["kind"], folded(row["ingredients"], fold))
    return [DrugName(name, kind, ";".join(bases)) for name, (kind, bases) in found.items() if name]


def _joined(name: str) -> str:
    return " ".join(words(name))


def _brands(products: Iterable[Product]) -> dict[str, tuple[str, ...]]:
    """Brand -> the ingredients common to every product of that brand."""
    common: dict[str, set[str]] = {}
    for product in products:
        bracket = _BRACKET.search(product.name) if product.tty in _BRANDED else None
        brand = _joined(product.name if product.tty == "BN" else bracket[1] if bracket else "")
        if len(brand) >= _SHORTEST_BRAND:
            bases = set(product.ingredients.split(";"))
            common[brand] = common[brand] & bases if brand in common else bases
    return {brand: tuple(sorted(bases)) for brand, bases in common.items() if bases}


def atc_rows(rules: Iterable[SourceRow], fold: Fold) -> list[AtcRule]:
    """The ATC rules; refuses a match or action it does not know."""
    rows = []
    for row in rules:
        match, code, action = row["match"], row["code"], row["action"]
        if match not in {"exact", "prefix"} or action not in {"include", "exclude"}:
            raise BuildError(f"atc.csv: {code} says {match}, {action}; use exact or prefix, include or exclude.")
        bases = ";".join(folded(row["ingredients"], fold))
        rows.append(AtcRule(row["class"], match, code, action, bases, row["note"]))
    return rows


def lab_rows(labs: Iterable[SourceRow]) -> list[LabCode]:
    """The LOINC codes; refuses a wrong check digit, an unknown use, and a code given twice."""
    rows: dict[str, LabCode] = {}
    for row in labs:
        code = row["code"]
        if not loinc_is_valid(code):
            raise BuildError(f"labs.csv: {code} is not a valid LOINC code.")
        if row["use"] not in {"match", "care", "never"} or code in rows:
            raise BuildError(f'labs.csv: {code} stands twice or its use "{row["use"]}" is not match, care or never.')
        rows[code] = LabCode(code, row["test"], row["variant"], row["use"], row["reason"], row["name"])
    return list(rows.values())


def condition_rows(conditions: Iterable[SourceRow]) -> list[ConditionCode]:
    """The condition codes; a SNOMED root counts for itself and is marked, since its hierarchy is not bundled."""
    rows = []
    for row in conditions:
        system, code = row["system"], plain_code(row["system"], row["code"])
        if system == "snomed" and not snomed_is_valid(code):
            raise BuildError(f"conditions.csv: {code} of {row['concept']} is not a valid SNOMED CT id.")
        for column, allowed in _CONDITION_WORDS.items():
            if row[column] not in allowed:
                raise BuildError(f'conditions.csv: {code} has {column} "{row[column]}"; use {", ".join(allowed)}.')
        is_root = row["match"] == "descendants"
        if is_root and (system != "snomed" or row["use"] not in {"match", "allergy"}):
            raise BuildError(f"conditions.csv: {code} is no SNOMED code that states {row['concept']}: no descendants.")
        match, root = ("exact", "true") if is_root else (row["match"], "")
        rows.append(ConditionCode(row["concept"], system, code, match, row["use"], row["note"], row["display"], root))
    return rows


def unit_rows(units: Iterable[SourceRow], spellings: Iterable[SourceRow]) -> list[UnitSpelling]:
    """Every spelling of every unit of every test with its factor; refuses one spelling with two factors."""
    written: dict[str, list[str]] = {}
    for row in spellings:
        written.setdefault(row["unit"], []).append(spelling(row["spelling"]))
    rows: dict[tuple[str, str], UnitSpelling] = {}
    for unit in units:
        for form in {spelling(unit["from_unit"]), *written.get(unit["from_unit"], ())}:
            made = UnitSpelling(unit["test"], form, unit["operation"], unit["operand"], unit["unit"])
            if rows.setdefault((unit["test"], form), made) != made:
                raise BuildError(f'units.csv: "{form}" of {unit["test"]} has two different factors.')
    return list(rows.values())
