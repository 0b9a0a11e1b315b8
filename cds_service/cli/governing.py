"""`approve`: a second person signs a card; the change is left for a commit."""

import json
import re
from datetime import date
from pathlib import Path

import click

from cds_service.cli.output import FINDINGS, USAGE, cards_option, library_of, stop
from cds_service.folders import cards_folder

_REVIEW = re.compile(r"^review:(?:[ \t]*\{.*?\}|\n(?:[ \t]+.*\n?)+)", re.MULTILINE | re.DOTALL)


@click.command()
@click.argument("card")
@click.option("--by", required=True, help="The name of the person who reviewed the card; never its author.")
@click.option("--next-review", help="When it is due again (default: in a year).")
@cards_option
def approve(card: str, by: str, next_review: str | None, cards: Path | None) -> None:
    """Write reviewer and date into CARD. Refuses the author, and a card without one. Commit the change afterwards."""
    from cds_service.cli.judging import clock

    root = cards or cards_folder()
    found = next((one for one in library_of(root).cards if one.id == card), None)
    if found is None:
        stop(USAGE, f'No card is called "{card}".')
    author, today = found.review["author"].strip(), clock().date()
    if not author:
        stop(FINDINGS, f"{card} has no author: write one into review.author first.")
    if by.strip().casefold() == author.casefold() or not by.strip():
        stop(FINDINGS, f"{by!r} cannot approve {card}: its author is {author}; another person must review.")
    if next_review and not _is_date(next_review):
        stop(USAGE, f'--next-review "{next_review}" is not a date such as 2027-11-22.')
    due = next_review or today.replace(year=today.year + 1, day=min(today.day, 28)).isoformat()
    signed = {
        "reviewer": by.strip(),
        "approved": today.isoformat(),
        "last_review": today.isoformat(),
        "next_review": due,
    }
    _sign(root / found.folder / "card.yaml", signed)
    click.echo(f"{card}: approved by {by.strip()} on {today}; next review {due}. Commit the change.", err=True)


def _sign(path: Path, signed: dict[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    review = _REVIEW.search(text)
    if review is None:
        stop(FINDINGS, f"{path} has no part review.")
    part = review[0]
    for key, value in signed.items():
        written = json.dumps(value, ensure_ascii=False).replace("\\", r"\\")
        part = re.sub(rf'(\b{key}:[ \t]*)("[^"]*"|[^,}}\n]*)', rf"\g<1>{written}", part, count=1)
    path.write_text(text[: review.start()] + part + text[review.end() :], encoding="utf-8")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
