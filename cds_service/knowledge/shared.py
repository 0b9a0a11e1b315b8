"""Reading `cards/shared/`: everything that more than one card refers to."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cds_service.knowledge.criteria import compile_criterion
from cds_service.knowledge.facts.compare import RELATIONS
from cds_service.knowledge.faults import Fault, LibraryError, not_one_of
from cds_service.knowledge.orders import check_orders, read_orders
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.references import (
    Citation,
    Gate,
    Limit,
    OverrideReason,
    PairTable,
    References,
)
from cds_service.knowledge.spot import Spot, whole
from cds_service.knowledge.statements import read_attributes
from cds_service.knowledge.strict_yaml import Document, read_yaml
from cds_service.terminology import Expansion, Tables, Terms, build_terms, expanded, read_tables

READ_WORDS = ("yes", "copy", "secondary")


def read_references(cards: Path, expansion: Expansion | None = None) -> References:
    """All shared files, checked, with the descendants a site has added. Raises `LibraryError`."""
    shared = cards / "shared"
    labs = _document(shared, "labs.yaml")
    terms = _terms(shared, labs, expansion)
    sources = _sources(whole(_document(shared, "sources.yaml")))
    references = References(
        terms=terms,
        concepts=terms.condition_titles,
        limits=_limits(whole(labs), terms, sources),
        pairs=_pairs(shared, terms),
        criteria=whole(_document(shared, "criteria.yaml")).mapping(),
        sources=sources,
        orders=read_orders(shared, edits=False),
        edits=read_orders(shared, edits=True),
        catalogue=frozenset(whole(_document(shared, "catalogue.yaml")).mapping()),
        classes_of=_classes_of(terms),
    )
    check_orders(references)
    codes, sets = _overrides(whole(_document(shared, "override-reasons.yaml")))
    references = replace(references, overrides=codes, override_sets=sets)
    return replace(
        references,
        gates=_gates(whole(_document(shared, "gates.yaml")), references),
        regions=_region_titles(whole(_document(shared, "regions.yaml"))),
        attributes=read_attributes(whole(_document(shared, "source-attributes.yaml"))),
    )


def region_names(cards: Path) -> tuple[str, ...]:
    """The jurisdictions the library knows; the first is the default."""
    return tuple(whole(_document(cards / "shared", "regions.yaml")).mapping())


def _region_titles(spot: Spot) -> dict[str, str]:
    return {name: entry.mapping(["title"], ())["title"].text() for name, entry in spot.mapping().items()}


def _document(shared: Path, name: str) -> Document:
    return read_yaml(shared / name, f"shared/{name}")


def _plain(document: Document) -> Mapping[str, object]:
    return {key: spot.value for key, spot in whole(document).mapping().items()}


def _terms(shared: Path, labs: Document, expansion: Expansion | None) -> Terms:
    """The terminology; its own sentences name file and place, so they are passed on as they are."""
    try:
        return build_terms(
            _tables(shared, expansion),
            _plain(_document(shared, "drugs/classes.yaml")),
            _plain(labs),
            _plain(_document(shared, "conditions.yaml")),
            _plain(_document(shared, "drugs/routes.yaml")),
        )
    except (OSError, ValueError, KeyError) as error:
        raise LibraryError([Fault("shared", 0, str(error))]) from error


def _tables(shared: Path, expansion: Expansion | None) -> Tables:
    tables = read_tables(shared)
    return replace(tables, conditions=expanded(tables.conditions, expansion)) if expansion else tables


def _classes_of(terms: Terms) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, ingredients in terms.classes.items():
        for ingredient in ingredients:
            found.setdefault(ingredient, set()).add(name)
    return {ingredient: frozenset(classes) for ingredient, classes in found.items()}


def _limits(labs: Spot, terms: Terms, sources: Mapping[str, Citation]) -> dict[str, dict[str, Limit]]:
    """The named limits of every test, per variant where the test has variants."""
    tests = labs.mapping()["tests"].mapping()
    return {name: _test_limits(name, spot, terms, sources) for name, spot in tests.items()}


def _test_limits(test: str, spot: Spot, terms: Terms, sources: Mapping[str, Citation]) -> dict[str, Limit]:
    members = spot.mapping()
    if "limits" not in members:
        return {}
    return {name: _limit(test, name, entry, terms, sources) for name, entry in members["limits"].mapping().items()}


def _limit(test: str, name: str, spot: Spot, terms: Terms, sources: Mapping[str, Citation]) -> Limit:
    """A limit, or for a test with variants one limit for each variant that has it."""
    members = spot.mapping()
    by_variant = {"": members} if "value" in members else {key: entry.mapping() for key, entry in members.items()}
    unknown = set(by_variant) - {"", *terms.tests[test].variants}
    if unknown:
        spot.at(min(unknown), None).fault(not_one_of("the variant", min(unknown), terms.tests[test].variants))
    first = next(iter(by_variant.values()))
    for key in ("value", "source", "side"):
        if any(key not in entry for entry in by_variant.values()):
            spot.fault(f'the limit {name} of {test} lacks the key "{key}"')
    for entry in by_variant.values():
        entry["source"].choice("the source", sources)
    floor = first.get("or_lab_range_down_to")
    return Limit(
        name,
        {variant: _figure(test, entry["value"], entry.get("unit"), terms) for variant, entry in by_variant.items()},
        tuple(dict.fromkeys(entry["source"].text() for entry in by_variant.values())),
        _figure(test, floor, first.get("unit"), terms) if floor else None,
        {variant: entry["side"].choice("the side", RELATIONS) for variant, entry in by_variant.items()},
    )


def _figure(test: str, spot: Spot, unit: Spot | None, terms: Terms) -> float:
    """A limit in the unit of its test; it must be plausible by the same gate as a result."""
    text = spot.value if isinstance(spot.value, str) else ""
    number, written = (float(text.split()[0]), text.split(maxsplit=1)[1]) if text else (spot.number(), "")
    written = written or (unit.text() if unit else terms.tests[test].unit)
    found = terms.quantity(test, number, written, written, "")
    if not isinstance(found, float):
        spot.fault(f"the limit {number:g} {written} of {test} cannot be used: {found.detail}")
    return found


def _pairs(shared: Path, terms: Terms) -> dict[str, PairTable]:
    return {path.stem: _pair_table(path, terms) for path in sorted((shared / "pairs").glob("*.yaml"))}


def _pair_table(path: Path, terms: Terms) -> PairTable:
    members = whole(read_yaml(path, f"shared/pairs/{path.name}")).mapping(["source", "rows"], ["note", "grade"])
    rows = {
        spot.at(name, name).choice("the drug class", terms.classes): {
            column: cell.text() for column, cell in spot.mapping().items()
        }
        for name, spot in members["rows"].mapping().items()
    }
    columns = tuple(sorted({column for row in rows.values() for column in row}))
    return PairTable(path.stem, rows, columns)


def _sources(spot: Spot) -> dict[str, Citation]:
    found = {}
    for key, entry in spot.mapping().items():
        members = entry.mapping(["label", "citation", "year", "url", "read"], ["note"])
        read = members["read"].choice("how it was read", READ_WORDS)
        label, citation, year = (members[name].text() for name in ("label", "citation", "year"))
        found[key] = Citation(key, label, citation, members["url"].text_or_empty(), read, year)
    return found


def _overrides(spot: Spot) -> tuple[dict[str, OverrideReason], dict[str, tuple[str, ...]]]:
    members = spot.mapping(["codes", "sets"], ())
    codes = {}
    for code, entry in members["codes"].mapping().items():
        texts = entry.mapping(["system", "display"], ["note"])
        codes[code] = OverrideReason(texts["system"].text(), code, texts["display"].text())
    sets = {
        name: tuple(part.choice("the override reason", codes) for part in entry.items())
        for name, entry in members["sets"].mapping().items()
    }
    return codes, sets


def _gates(spot: Spot, references: References) -> tuple[Gate, ...]:
    found = []
    for entry in spot.items():
        members = entry.mapping(["proposes", "only_if", "why"], ())
        classes = frozenset(
            part.choice("the drug class", references.terms.classes) for part in members["proposes"].items()
        )
        criterion = read_criterion(members["only_if"], references)
        found.append(Gate(classes, criterion, compile_criterion(criterion), members["why"].text()))
    return tuple(found)
