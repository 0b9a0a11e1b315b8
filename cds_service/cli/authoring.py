"""`check`, `preview`, `terminology`, `vocabulary`: what an author of cards needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cds_service.cli.output import FINDINGS, USAGE, cards_option, data_folder, emit, json_option, library_of, stop
from cds_service.folders import cards_folder

if TYPE_CHECKING:
    from cds_service.knowledge.coverage import Coverage


@click.command()
@cards_option
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--coverage", "covered", is_flag=True, help="Show how many codes state each condition.")
@json_option
def check(cards: Path | None, strict: bool, covered: bool, as_json: bool) -> None:
    """Check every card: shape, references, governance, vignettes, and that every criterion is proved by one."""
    from cds_service.cli.judging import clock
    from cds_service.simulation.check import check as run

    report = run(cards or cards_folder(), clock().date(), strict, data_folder())
    if as_json:
        said = {"faults": [*map(str, report.faults)], "warnings": [*map(str, report.warnings)]}
        emit({**report._asdict(), **said, "coverage": [one._asdict() for one in report.coverage]})
    else:
        if covered:
            _draw_coverage(report.coverage)
        for fault in report.faults:
            click.echo(str(fault))
        for fault in report.warnings:
            click.echo(f"warning: {fault}", err=True)
        state = f"{len(report.faults)} faults" if report.faults else "all checks passed"
        click.echo(
            f"{report.cards} cards, {report.vignettes} vignettes, {report.criteria} criteria: {state}.", err=True
        )
    if report.faults:
        raise SystemExit(FINDINGS)


def _draw_coverage(covered: "Sequence[Coverage]") -> None:
    from rich.table import Table

    from cds_service.cli.drawing import console
    from cds_service.knowledge.coverage import Coverage

    drawn = Table(*Coverage._fields, title="codes for each condition", title_justify="left")
    for one in covered:
        drawn.add_row(*map(str, one))
    console().print(drawn)


@click.command()
@click.argument("card")
@click.option("--region", default=None, help="Only this jurisdiction.")
@cards_option
@json_option
def preview(card: str, region: str | None, cards: Path | None, as_json: bool) -> None:
    """Show CARD as a clinician would see it, for each of its vignettes that fire at a new level or region."""
    from cds_service.cli.drawing import console, draw_cards
    from cds_service.simulation import proof
    from cds_service.simulation.vignettes import read_vignettes

    library, root = library_of(cards), cards or cards_folder()
    folders = [root / found.folder for found in library.cards if found.id == card]
    if not folders:
        stop(USAGE, f'No card is called "{card}". Cards: {", ".join(found.id for found in library.cards)}.')
    vignettes = read_vignettes(root, library.terms, tuple(library.regions), folders)
    seen: set[tuple[str, str]] = set()
    shown = []
    for vignette in vignettes:
        key = (vignette.region, vignette.expect.finding)
        if vignette.expect.finding == "none" or key in seen or region not in (None, vignette.region):
            continue
        seen.add(key)
        answer = proof.answer(proof.prepare(vignette, library), library)
        shown.append((vignette, [one for one in answer["cards"] if _speaks_of(one, card)]))
    if as_json:
        emit([{"vignette": v.name, "region": v.region, "hook": v.request["hook"], "cards": c} for v, c in shown])
        return
    out = console()
    for vignette, found in shown:
        out.print(f"[bold]{vignette.name}[/] [dim]({vignette.region}, {vignette.request['hook']})[/]")
        draw_cards(out, found, whole=True)


def _speaks_of(shown: dict[str, Any], card: str) -> bool:
    from cds_service.simulation.vignettes import findings_of

    return any(finding["id"] == card for finding in findings_of(shown))


@click.group()
def terminology() -> None:
    """The code tables."""


@terminology.command()
@cards_option
@click.option("--accept-changes", is_flag=True, help="Write even where a code changes its group or a table shrinks.")
@json_option
def build(cards: Path | None, accept_changes: bool, as_json: bool) -> None:
    """Make the generated tables from the source tables: the same input gives the same bytes."""
    from cds_service.terminology.build import BuildError
    from cds_service.terminology.build import build as run

    shared = (cards or cards_folder()) / "shared"
    try:
        report = run(shared / "sources", shared, accept_changes=accept_changes)
    except BuildError as error:
        stop(FINDINGS, str(error))
    if as_json:
        emit(report._asdict())
    else:
        for change in report.changes:
            click.echo(change)
        rows = ", ".join(f"{file} {count}" for file, count in report.rows.items())
        click.echo(f"Written, with rows: {rows}.", err=True)


@click.command()
@click.option("--write", is_flag=True, help="Write the generated pages of docs/ and the JSON Schema of the cards.")
def vocabulary(write: bool) -> None:
    """Print the vocabulary of facts and placeholders that cards may use."""
    from cds_service.knowledge.attribute_page import attribute_page
    from cds_service.knowledge.precedence import precedence_page
    from cds_service.knowledge.schema import schema_text
    from cds_service.knowledge.vocabulary import vocabulary_page

    if not write:
        click.echo(vocabulary_page(), nl=False)
        return
    root = cards_folder().parent
    (root / "docs" / "vocabulary.md").write_text(vocabulary_page(), encoding="utf-8")
    library = library_of(None)
    (root / "docs" / "precedence.md").write_text(precedence_page(library.cards), encoding="utf-8")
    (root / "docs" / "source-attributes.md").write_text(attribute_page(library), encoding="utf-8")
    (cards_folder() / "schema" / "card.schema.json").write_text(schema_text(), encoding="utf-8")
    pages = "docs/vocabulary.md, docs/precedence.md, docs/source-attributes.md"
    click.echo(f"Written: {pages}, cards/schema/card.schema.json.", err=True)
