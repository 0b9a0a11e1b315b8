"""`serve` and `audit`: the running service and its record."""

import os
from typing import TYPE_CHECKING

import click

from cds_service.cli.output import CONFIGURATION, UNREACHABLE, as_json, emit, stop

if TYPE_CHECKING:
    from cds_service.settings import Settings


def _settings(**changes: object) -> "Settings":
    from cds_service.settings import Settings, SettingsError

    environ = {
        **os.environ,
        **{f"CDS_{key.upper()}": str(value) for key, value in changes.items() if value is not None},
    }
    try:
        return Settings.load(environ)
    except SettingsError as error:
        stop(CONFIGURATION, *error.sentences)


@click.command()
@click.option("--host", help="Address to listen on (CDS_HOST; default 127.0.0.1).")
@click.option("--port", type=int, help="Port to listen on (CDS_PORT; default 8080).")
@click.option("--workers", help="Worker processes, or auto (CDS_WORKERS; default 1).")
def serve(host: str | None, port: int | None, workers: str | None) -> None:
    """Answer CDS Hooks calls. Settings come from CDS_* variables; the sandbox profile is the default."""
    from cds_service.cli.output import library_of
    from cds_service.web.serve import serve as run

    settings = _settings(host=host, port=port, workers=workers)
    library_of(settings.cards_dir)  # a broken library is said here, once, not by every worker
    for key, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[f"CDS_{key}"] = str(value)
    run(settings)


@click.group()
def audit() -> None:
    """The record of decisions and feedback."""


@audit.command()
@click.option("-n", "--count", default=10, show_default=True, help="How many records.")
@as_json
def tail(count: int, as_json: bool) -> None:
    """Show the latest records of CDS_DATA_DIR."""
    from cds_service.audit import tail as read

    settings = _settings()
    try:
        found = read(settings.data_dir, count)
    except OSError as error:
        stop(UNREACHABLE, f"{settings.data_dir} cannot be read: {error.strerror}.")
    if found.broken:
        click.echo(f"{found.broken} lines cannot be read and are left out.", err=True)
    if as_json:
        emit(list(found.records))
        return
    for record in found.records:
        click.echo(_line(record))


def _line(record: dict[str, object]) -> str:
    at, kind = str(record.get("at", ""))[:23], str(record.get("kind", ""))
    if kind == "feedback":
        return f"{at}  feedback  {record.get('outcome')}  card {record.get('card')}  {record.get('reason', '')}"
    cards = record.get("cards")
    heads = [str(card["card"]) for card in cards] if isinstance(cards, list) else []
    return f"{at}  {record.get('hook')}  {record.get('status')}  {', '.join(heads) or 'no cards'}  {record.get('id')}"
