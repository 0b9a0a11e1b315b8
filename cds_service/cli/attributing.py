"""`attributes`: what is said of the source of a card, and what of a person it uses."""

from pathlib import Path

import click

from cds_service.cli.output import USAGE, cards_option, emit, json_option, library_of, stop
from cds_service.cli.showing import region_option


@click.command()
@click.argument("card", required=False)
@region_option
@cards_option
@json_option
def attributes(card: str | None, region: str, cards: Path | None, as_json: bool) -> None:
    """Show the source attributes of CARD (ONC HTI-1) and the basis of its advice; without CARD, of every card."""
    from cds_service.knowledge.attribute_listing import listing
    from cds_service.knowledge.attribute_rows import further_rows, required_rows
    from cds_service.knowledge.source_attributes import source_attributes

    library = library_of(cards)
    if region not in library.regions:
        stop(USAGE, f'The region "{region}" is not one of {", ".join(library.regions)}.')
    chosen = [one for one in library.regions[region] if card in (None, one.id)]
    if not chosen:
        stop(USAGE, f'No card is called "{card}". Cards: {", ".join(one.id for one in library.cards)}.')
    found = [source_attributes(one, library, region) for one in chosen]
    if as_json:
        listed = [listing(one, library.references) for one in found]
        emit(listed[0] if card else listed)
        return
    for one in found:
        click.echo(f"{one.card.title} ({one.card.id}, {region})\n")
        for number, row in enumerate(required_rows(one), 1):
            _show(f"{number}. {row.title}", row.lines)
        for row in further_rows(one, library.references):
            _show(row.title, row.lines)


def _show(title: str, lines: tuple[str, ...]) -> None:
    click.echo(title)
    for line in lines:
        click.echo(f"    {line}")
