"""`burden`: a whole folder of patients through the decision path, and how many cards that makes."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cds_service.cli.output import FINDINGS, UNREACHABLE, USAGE, cards_option, emit, json_option, library_of, stop

if TYPE_CHECKING:
    from cds_service.hooks import Hook
    from cds_service.simulation.burden import Burden

HOOKS = ("patient-view", "order-select", "order-sign")
LATEST = "latest"


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--hook", "asked", multiple=True, type=click.Choice(HOOKS), help="Only this hook; may be repeated.")
@click.option("--region", default="us", show_default=True, help="Jurisdiction: us, uk or de.")
@click.option("--as-of", metavar="DATE", help="The day of the calls, or latest: after each patient's newest date.")
@click.option("--csv", "sheet", type=click.Path(path_type=Path, dir_okay=False), help="Write the table to this file.")
@cards_option
@json_option
def burden(
    path: Path,
    asked: "tuple[Hook, ...]",
    region: str,
    as_of: str | None,
    sheet: Path | None,
    cards: Path | None,
    as_json: bool,
) -> None:
    """Count the cards that the FHIR patients of a folder or file get (.json, .ndjson, each also .gz)."""
    from cds_service.cli.judging import clock
    from cds_service.simulation import burden as counting
    from cds_service.simulation.populations import cases

    today = clock().date()
    day = None if as_of == LATEST else _day(as_of, today)
    if not path.exists():
        stop(UNREACHABLE, f"{path} does not exist.")
    library = library_of(cards)
    if region not in library.regions:
        stop(USAGE, f'The region "{region}" is not one of {", ".join(library.regions)}.')
    asking = counting.Asking(library, asked or ("patient-view", "order-select"), region, day, today)
    with _progress(path) as advanced:
        found = counting.measure(cases(path, advanced), asking)
    if not found.patients:
        stop(UNREACHABLE, f"{path} holds no patient.", *skipped_words(found))
    if sheet:
        _write(sheet, found)
    if as_json:
        asked_for = {"path": str(path), "region": region, "as_of": as_of or today.isoformat()}
        emit({**asked_for, "library": library.version, "revision": library.revision, **counting.summary(found)})
    else:
        from cds_service.cli.drawing_burden import draw_burden

        draw_burden(found)
        for sentence in skipped_words(found):
            click.echo(sentence, err=True)
    if found.failures:
        raise SystemExit(FINDINGS)


def _day(text: str | None, today: date) -> date:
    if text is None:
        return today
    try:
        return date.fromisoformat(text)
    except ValueError:
        stop(USAGE, f'--as-of "{text}" is neither a date such as 2026-11-22 nor {LATEST}.')


@contextmanager
def _progress(path: Path) -> Iterator[Callable[[int], object]]:
    """A bar over the bytes of the files, on stderr where that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    from cds_service.simulation.populations import files_of

    err = Console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(str(path), total=sum(file.stat().st_size for file in files_of(path)))
        yield lambda count: bar.advance(task, count)


def _write(sheet: Path, found: "Burden") -> None:
    from cds_service.simulation.burden import Row, table

    try:
        with sheet.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines, lineterminator="\n").writerows([Row._fields, *table(found)])
    except OSError as error:
        stop(UNREACHABLE, f"{sheet} cannot be written: {error.strerror}.")


def skipped_words(found: "Burden") -> Iterator[str]:
    """A sentence for each reason why something was skipped, with the first place."""
    reasons: dict[str, list[str]] = {}
    for one in found.skipped:
        reasons.setdefault(one.reason, []).append(str(one.place))
    for reason, places in sorted(reasons.items()):
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        yield f"skipped, {reason}: {places[0]}{more}"
