"""`doctor`: looks a configuration over before it is served, a line for each check."""

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from cds_service.cli.output import CONFIGURATION, FINDINGS, OK, emit, json_option

if TYPE_CHECKING:
    from cds_service.knowledge.library import Library
    from cds_service.settings import Settings
    from cds_service.trust.clients import Client, Clients

MOST_SKEW_SECONDS = 30


class Finding(NamedTuple):
    """One check: `code` is 0 when all is well, 1 for something to mend, 3 for a configuration that cannot be used."""

    check: str
    code: int
    sentence: str


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Look the configuration over: settings, cards, clients, keys, stores, records, clock; say what to mend."""
    findings = list(_findings())
    if as_json:
        emit([finding._asdict() for finding in findings])
    else:
        for check, code, sentence in findings:
            click.echo(f"{'mend' if code else 'ok':<5} {check:<10} {sentence}")
    worst = max(finding.code for finding in findings)
    raise SystemExit(CONFIGURATION if worst == CONFIGURATION else FINDINGS if worst else OK)


def _findings() -> Iterator[Finding]:
    from cds_service.settings import Settings, SettingsError

    try:
        settings = Settings.load(os.environ)
    except SettingsError as error:
        yield from (Finding("settings", CONFIGURATION, sentence) for sentence in error.sentences)
        return
    yield Finding("settings", OK, f"profile {settings.profile}")
    yield Finding("address", OK, f"discovery is {settings.public_url}/cds-services")
    yield from _limits(settings)
    yield from _cards(settings)
    yield from _callers(settings)
    yield _records(settings)


def _limits(settings: "Settings") -> Iterator[Finding]:
    """Limits that each may be set so, but do not go together."""
    faults = [*_too_tight(settings), *_secret_faults()]
    yield from (Finding("limits", FINDINGS, fault) for fault in faults)
    if not faults:
        said = f"{settings.max_in_flight} calls at a time in a worker, {settings.call_seconds:g} s each"
        yield Finding("limits", OK, said)


def _too_tight(settings: "Settings") -> Iterator[str]:
    if settings.fhir_timeout_seconds + 0.5 > settings.call_seconds:
        yield (
            "CDS_FHIR_TIMEOUT_SECONDS leaves less than half a second of CDS_CALL_SECONDS for deciding; "
            "lower the one or raise the other."
        )
    if settings.profile == "production" and settings.max_in_flight_per_client >= settings.max_in_flight:
        yield (
            "CDS_MAX_IN_FLIGHT_PER_CLIENT is not below CDS_MAX_IN_FLIGHT: one client may take all places; lower it "
            "(unless there is one client only)."
        )
    if settings.max_computing > 4:
        yield "CDS_MAX_COMPUTING above 4 makes calls late that compute at once; use more workers (CDS_WORKERS)."
    if settings.max_connections < 2 * settings.max_in_flight:
        yield (
            "CDS_MAX_CONNECTIONS is below twice CDS_MAX_IN_FLIGHT: idle connections of proxies count too, and beyond "
            "it callers wait unseen; raise it."
        )


def _secret_faults() -> Iterator[str]:
    """Secrets that stand where they should not. A container gets its own readable by everybody inside it."""
    from cds_service.settings import PREFIX, SECRETS, secret_file

    for field in SECRETS:
        path = os.environ.get(secret_file(field), "")
        if path and os.stat(path).st_mode & 0o022:
            yield f"{secret_file(field)} names a file that others may write; chmod go-w it."
        if re.search(r"://[^/\s]*:[^/\s]*@|[?&]password=", os.environ.get(PREFIX + field.upper(), "")):
            yield (
                f"{PREFIX}{field.upper()} holds a password in the environment; put it into a file and name that with "
                f"{secret_file(field)}."
            )


def _cards(settings: "Settings") -> Iterator[Finding]:
    from cds_service.folders import cards_folder
    from cds_service.knowledge.faults import LibraryError
    from cds_service.knowledge.library import load_library
    from cds_service.service import failing_checks

    try:
        library = load_library(settings.cards_dir or cards_folder(), settings.data_dir)
    except LibraryError as error:
        yield from (Finding("cards", CONFIGURATION, str(fault)) for fault in error.faults)
        return
    active = sum(card.status == "active" for card in library.cards)
    yield Finding("cards", OK, f"{len(library.cards)} cards, {active} of them active, revision {library.revision[:19]}")
    yield from (Finding("canary", FINDINGS, f"{sentence}.") for _, sentence in failing_checks(library, _now()))
    yield from _start(settings, library)


def _start(settings: "Settings", library: "Library") -> Iterator[Finding]:
    from cds_service.trust.refusals import ConfigurationError
    from cds_service.trust.starting import check_start

    try:
        check_start(settings, library)
    except ConfigurationError as error:
        yield from (Finding("clients", CONFIGURATION, sentence) for sentence in error.sentences)


def _callers(settings: "Settings") -> Iterator[Finding]:
    from cds_service.trust.gate import clients_of
    from cds_service.trust.refusals import ConfigurationError

    if settings.clients_file is None:
        yield Finding("clients", OK, "no clients file: in the sandbox profile nobody is asked for a token")
        return
    try:
        clients = clients_of(settings)
    except ConfigurationError:
        return  # `_start` has said why
    yield Finding("clients", OK, f"{len(clients.all)} registered: {', '.join(client.name for client in clients.all)}")
    for client in clients.all:
        if client.shows_drafts:
            yield Finding("clients", OK, f"{client.name} is shown draft cards: for validation, not for care")
        yield from _keys(settings, client)
    yield _replay(settings, clients)


def _keys(settings: "Settings", client: "Client") -> Iterator[Finding]:
    from cds_service.trust.fetching import NotFetched, fetch
    from cds_service.trust.keys import read_keys

    keys, faults = client.pinned, list[str]()
    if client.jku is not None:
        try:
            fetched = fetch(client.jku, settings.ca_file, settings.profile == "sandbox")
        except NotFetched as error:
            yield Finding("keys", FINDINGS, f"{client.name}: {client.jku}: {error}.")
            return
        keys, faults = read_keys(fetched.value)
        yield from _clock(client.jku, fetched.said)
    yield from (Finding("keys", FINDINGS, f"{client.name}: {fault}.") for fault in faults)
    usable = [kid for kid, key in keys.items() if key.algorithms & set(client.algorithms)]
    if usable:
        yield Finding("keys", OK, f"{client.name}: {len(usable)} for {', '.join(client.algorithms)}")
    else:
        yield Finding("keys", FINDINGS, f"{client.name}: no key fits its algorithms, {', '.join(client.algorithms)}.")


def _clock(address: str, said: datetime | None) -> Iterator[Finding]:
    if said is None:
        return
    apart = int(abs((_now() - said).total_seconds()))
    if apart > MOST_SKEW_SECONDS:
        yield Finding("clock", FINDINGS, f"{apart} s apart from the clock of {address}; set one of them (NTP).")
    else:
        yield Finding("clock", OK, f"within {MOST_SKEW_SECONDS} s of the clock of {address}")


def _replay(settings: "Settings", clients: "Clients") -> Finding:
    from cds_service.trust.refusals import ConfigurationError
    from cds_service.trust.replay import Sight, StoreDown
    from cds_service.trust.replay_opening import SharedStore, open_replay

    now = _now().timestamp()
    try:
        store = open_replay(settings.replay_store, settings.data_dir, now, time.monotonic, clients.longest_lifetime)
    except ConfigurationError as error:
        return Finding("replay", CONFIGURATION, " ".join(error.sentences))
    try:
        store.spend(Sight(os.urandom(32), now, now + 1, b""), now)
        state = store.state()
    except StoreDown as error:
        return Finding("replay", FINDINGS, f"no store can be written: {error}.")
    finally:
        store.close()
    if isinstance(store, SharedStore) and store.alone:
        return Finding("replay", FINDINGS, "the shared store of CDS_REPLAY_STORE cannot be used; this host is alone.")
    return Finding("replay", OK, state)


def _records(settings: "Settings") -> Finding:
    from cds_service.audit import Journal, JournalUnavailable

    journal = Journal(settings.data_dir)
    try:
        journal.check()
    except JournalUnavailable as error:
        return Finding("records", FINDINGS, f"CDS_DATA_DIR cannot be used: {error}.")
    finally:
        journal.close()
    return Finding("records", OK, f"{settings.data_dir} can be written")


def _now() -> datetime:
    return datetime.now(UTC)
