"""The source attributes of every card as a page that a safety committee reads; generated."""

from collections.abc import Iterable, Iterator

from cds_service.knowledge.attribute_rows import Row, further_rows, required_rows
from cds_service.knowledge.library import Library
from cds_service.knowledge.source_attributes import SourceAttributes, source_attributes
from cds_service.knowledge.traits import TRAIT_TITLES, TRAITS

_HEAD = """# Source attributes of the cards

Generated from the cards and `cards/shared/source-attributes.yaml` by `cramp-cds vocabulary --write`; a stale page fails
the tests.

The thirteen attributes that 45 CFR 170.315(b)(11)(iv)(A) (ONC HTI-1) asks of an evidence-based decision support
intervention, and what else lets a professional review the basis. Nothing is typed twice: citations, dates and versions
are those of the card; what of a person is used follows from the facts a card asks, the placeholders of its texts and
the gates before its suggestions. `cramp-cds check` refuses a statement that they contradict. What each fact reads:
[vocabulary](vocabulary.md).

Data looked at, figures with their basis and the logic in words: `cramp-cds attributes CARD`; all of it as JSON with
`--json` and in the [FHIR package](export.md). The list of attributes was taken from a description, not from the text of
the rule: compare the two before relying on it.

"""
_PER_CARD = ("citations", "dates", "intended_use", "indicator_reason", "cautions", "limits", "grade")
Told = dict[str, tuple[SourceAttributes, ...]]


def attribute_page(library: Library) -> str:
    """The whole page as Markdown: what holds for all, a table of what is used, then each card with its regions."""
    regions = tuple(library.regions)
    told = {
        card.id: tuple(_in_region(card.id, library, region) for region in regions)
        for card in sorted(library.cards, key=lambda card: (card.group, card.id))
    }
    first = next(iter(told.values()))[0]
    parts = (_HEAD, _shared(first, library), _table(told), *(_section(found, library) for found in told.values()))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _in_region(card: str, library: Library, region: str) -> SourceAttributes:
    return source_attributes(next(one for one in library.regions[region] if one.id == card), library, region)


def _shared(first: SourceAttributes, library: Library) -> str:
    """What is the same for every card that says nothing of its own."""
    stated = library.references.attributes
    lines = ["## For every card", "", "A card that differs says so below.", ""]
    lines += ["| attribute | what is said | to be confirmed |", "|---|---|---|"]
    for name, one in stated.statements.items():
        lines.append(f"| {name.replace('_', ' ')} | {one.text} | {one.to_confirm} |")
    lines.append(f"| jurisdictions | {', '.join(first.jurisdictions)} | |")
    never = ", ".join(TRAIT_TITLES[trait] for trait in stated.never_used)
    lines.append(f"| never used | {never} | |")
    lines += [f"| use of {TRAIT_TITLES[trait]} | {how} | |" for trait, how in stated.used.items()]
    return "\n".join(lines)


def _table(told: Told) -> str:
    titles = " | ".join(TRAIT_TITLES[trait] for trait in TRAITS)
    head = f"## What of the person each card uses\n\n| card | version | {titles} |\n|---|---|{'---|' * len(TRAITS)}\n"
    return head + "".join(_use_row(found) for found in told.values())


def _use_row(found: tuple[SourceAttributes, ...]) -> str:
    card = found[0].card
    used = " | ".join("yes" if any(one.uses[trait] for one in found) else "no" for trait in TRAITS)
    return f"| [{card.id}](#{card.id}) | {card.version} | {used} |\n"


def _section(found: tuple[SourceAttributes, ...], library: Library) -> str:
    """One card; a region stands beside an attribute only where regions differ."""
    own = {
        *_PER_CARD,
        *found[0].card.attributes,
        *(trait for one in found for trait, where in one.uses.items() if where),
    }
    by_region = [(one.region, _rows(one, library)) for one in found]
    lines = [f"## {found[0].card.id}", "", f"{found[0].card.title}.", ""]
    for at, row in enumerate(by_region[0][1]):
        if row.key in own:
            lines += _told([(region, rows[at]) for region, rows in by_region])
    return "\n".join(lines)


def _rows(one: SourceAttributes, library: Library) -> tuple[Row, ...]:
    """Every row; how a trait is used is said above for all cards, so that only where is left."""
    rows = (*required_rows(one), *further_rows(one, library.references))
    places = {str(trait): tuple(f"used: {place}" for place in where) for trait, where in one.uses.items() if where}
    return tuple(row._replace(lines=places.get(row.key, row.lines)) for row in rows)


def _told(rows: Iterable[tuple[str, Row]]) -> Iterator[str]:
    """An attribute once for all regions that say the same."""
    regions_of: dict[Row, list[str]] = {}
    for region, row in rows:
        regions_of.setdefault(row, []).append(region)
    for row, regions in regions_of.items():
        where = f" ({', '.join(regions)})" if len(regions_of) > 1 else ""
        if len(row.lines) == 1:
            yield f"- **{row.title}**{where}: {row.lines[0]}"
        else:
            yield f"- **{row.title}**{where}:"
            yield from (f"  - {line}" for line in row.lines)
