"""`terminology expand`: the descendants of the SNOMED roots, asked of a site's own terminology server and kept."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import click

from cds_service.cli.output import (
    CONFIGURATION,
    FINDINGS,
    UNREACHABLE,
    USAGE,
    cards_option,
    data_folder,
    emit,
    json_option,
    stop,
)
from cds_service.folders import cards_folder

if TYPE_CHECKING:
    from cds_service.expansion import Found, TerminologyServer
    from cds_service.terminology import Expansion

Roots = Mapping[str, Sequence[str]]


@click.command()
@click.option("--server", required=True, metavar="URL", help="Base address of a FHIR R4 terminology server.")
@click.option("--system-version", default="", metavar="URI", help="The SNOMED CT edition and version to ask for.")
@click.option("--accept-missing", is_flag=True, help="Go on where the server does not hold a root.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Where to keep it (CDS_DATA_DIR).")
@cards_option
@json_option
def expand(
    server: str, system_version: str, accept_missing: bool, data: Path | None, cards: Path | None, as_json: bool
) -> None:
    """Ask a FHIR terminology server for the descendants of every SNOMED root and keep them in the data folder.

    The service and all commands count them from their next start. Needs the site's own SNOMED CT licence.
    """
    from cds_service.cli.judging import clock
    from cds_service.terminology import EXPANSIONS, Expansion

    roots = _roots(cards or cards_folder())
    asked = _server(server, system_version)
    found = _ask(asked, roots)
    if found.missing and not accept_missing:
        named = ", ".join(f"{code} ({', '.join(roots[code])})" for code in found.missing)
        stop(FINDINGS, f"The server does not hold these roots: {named}.", "Nothing was written; see --accept-missing.")
    made = Expansion("snomed", asked.base, asked.version, found.version, clock().date().isoformat(), found.descendants)
    path = (data or data_folder()) / EXPANSIONS
    _keep(path, made, roots)
    _tell(path, made, roots, found.missing, as_json)


def _roots(cards: Path) -> Roots:
    from cds_service.terminology import expansion_roots, read_tables

    try:
        return expansion_roots(read_tables(cards / "shared").conditions)
    except (OSError, ValueError) as error:
        stop(CONFIGURATION, f"The tables of {cards} cannot be read: {error}")


def _server(url: str, version: str) -> "TerminologyServer":
    import requests

    from cds_service.expansion import TerminologyServer, base_address, plain_version

    try:
        return TerminologyServer(base_address(url), plain_version(version), requests.Session())
    except ValueError as error:
        stop(USAGE, str(error))


def _ask(server: "TerminologyServer", roots: Roots) -> "Found":
    from cds_service.expansion import AbsurdAnswerError, ServerError, ask

    try:
        with server.session, _progress(server.base, len(roots)) as told:
            return ask(server, roots, lambda root: told(f"{root} {', '.join(roots[root])}"))
    except ServerError as error:
        stop(UNREACHABLE, str(error), "Nothing was written.")
    except AbsurdAnswerError as error:
        stop(FINDINGS, str(error), "Nothing was written.")


@contextmanager
def _progress(server: str, count: int) -> Iterator[Callable[[str], object]]:
    """A bar over the roots, on stderr where that is a terminal; each call names the root that is asked now."""
    from rich.console import Console
    from rich.progress import Progress

    err = Console(stderr=True)
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(server, total=count + 1)
        yield lambda root: bar.update(task, advance=1, description=root)


def _keep(path: Path, made: "Expansion", roots: Roots) -> None:
    """Write the file whole or not at all."""
    from cds_service.terminology import expansion_text

    try:
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as part:
            part.write(expansion_text(made, roots))
            part.flush()
            os.fsync(part.fileno())
        Path(part.name).replace(path)
    except OSError as error:
        stop(UNREACHABLE, f"{path} cannot be written: {error.strerror}.")


def _tell(path: Path, made: "Expansion", roots: Roots, missing: Sequence[str], as_json: bool) -> None:
    by_concept: dict[str, set[str]] = {}
    for root, concepts in roots.items():
        for concept in concepts:
            by_concept.setdefault(concept, set()).update(made.descendants.get(root, ()))
    counts = {concept: len(codes) for concept, codes in sorted(by_concept.items())}
    told = {"file": str(path), "server": made.server, "asked_version": made.asked_version, "version": made.version}
    if as_json:
        facts = {**told, "date": made.date, "sha256": made.sha256, "roots": len(made.descendants), "codes": made.count}
        emit({**facts, "missing": list(missing), "concepts": counts})
        return
    from rich.table import Table

    from cds_service.cli.drawing import console

    drawn = Table("concept", "roots", "descendants")
    for concept, count in counts.items():
        drawn.add_row(concept, str(sum(concept in concepts for concepts in roots.values())), str(count))
    console().print(drawn)
    edition = made.version or "an edition it did not name"
    click.echo(f"Written: {path}, {made.count} codes below {len(made.descendants)} roots; {edition}.", err=True)
    if missing:
        click.echo(f"Not held by the server: {', '.join(missing)}.", err=True)
