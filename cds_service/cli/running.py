"""`serve` and `audit`: the running service and its record."""

import os
from typing import TYPE_CHECKING

import click

from cds_service.cli.output import CONFIGURATION, UNREACHABLE, emit, json_option, library_of, stop

if TYPE_CHECKING:
    from cds_service.knowledge.library import Library
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
    from cds_service.web.serve import serve as run

    settings = _settings(host=host, port=port, workers=workers)
    library = library_of(settings.cards_dir)  # a broken library is said here, once, not by every worker
    _check_callers(settings, library)
    _check_records(settings)
    for key, value in (("HOST", host), ("PORT", port), ("WORKERS", workers)):
        if value is not None:
            os.environ[f"CDS_{key}"] = str(value)
    run(settings)


def _check_callers(settings: "Settings", library: "Library") -> None:
    """End with code 3 when the clients cannot be used, or nothing may be shown to them."""
    if settings.clients_file is None:
        return
    from cds_service.trust.refusals import ConfigurationError
    from cds_service.trust.starting import check_start

    try:
        check_start(settings, library)
    except ConfigurationError as error:
        stop(CONFIGURATION, *error.sentences)


def _check_records(settings: "Settings") -> None:
    """End with code 4 when no record could be kept: every call would be refused."""
    from cds_service.audit import Journal, JournalUnavailable

    journal = Journal(settings.data_dir)
    try:
        journal.check()
    except JournalUnavailable as error:
        stop(UNREACHABLE, f"CDS_DATA_DIR cannot be used: {error}.")
    finally:
        journal.close()


@click.group()
def audit() -> None:
    """The record of decisions and feedback."""


@audit.command()
@click.option("-n", "--count", default=10, show_default=True, help="How many records.")
@json_option
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
