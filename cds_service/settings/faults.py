"""The sentences for settings that cannot be used; none repeats what may be a secret."""

import difflib
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from cds_service.settings.names import LEAST_BODY_BYTES, PREFIX, SECRETS, secret_file

_ALLOWED = {
    "profile": '"sandbox" or "production"',
    "host": "an address to listen on",
    "port": "a whole number from 1 to 65535",
    "base_url": "an absolute http or https address without user, query or fragment",
    "data_dir": "a folder",
    "cards_dir": "a folder",
    "region": '"us", "uk" or "de"',
    "cors_origins": 'origins like "https://ehr.example.org", separated by commas, or "*" alone',
    "max_body_bytes": f"a whole number of bytes, at least {LEAST_BODY_BYTES}",
    "max_entries": "a whole number, at least 1",
    "max_in_flight": "a whole number of calls from 1 to 512",
    "max_computing": "a whole number of calls from 1 to 64",
    "call_seconds": "a number of seconds from 0.5 to 60",
    "max_in_flight_per_client": "a whole number of calls from 1 to 512",
    "max_connections": "a whole number of connections from 16 to 65536",
    "show_drafts": '"true" or "false"',
    "log_level": '"debug", "info", "warning" or "error"',
    "log_format": '"json" or "text"',
    "clients_file": "a file that can be read",
    "replay_store": '"memory", "sqlite", or an address redis://…, rediss://… or postgresql://…',
    "rate_limit": "a whole number of calls a minute, at least 1",
    "jwks_stale_hours": "a whole number of hours from 1 to 168",
    "ca_file": "a file of certificates that can be read",
    "fhir_allowed_servers": 'base addresses like "https://ehr.example.org/fhir", separated by commas',
    "fhir_timeout_seconds": "a number of seconds from 0.1 to 10",
    "fhir_calls": "a whole number of calls from 1 to 64",
    "fhir_calls_per_client": "a whole number of calls from 1 to 64",
    "fhir_pause_after": "a whole number of calls from 1 to 100",
    "fhir_pause_seconds": "a number of seconds from 1 to 600",
    "workers": 'a whole number of processes from 1 to 64, or "auto" for one per core',
}


class SettingsError(Exception):
    """The settings cannot be used. `sentences` names every fault; none repeats what may be a secret."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def unknown(name: str, known: list[str]) -> str:
    """The sentence for a name that is no setting."""
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{name} is not a setting; the nearest is {nearest[0]}."


def value_faults(error: ValidationError, given: Mapping[str, str], secrets: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each setting whose value is not allowed; `secrets` were read from files."""
    fields = {str(fault["loc"][0]) for fault in error.errors(include_input=False, include_url=False)}
    for field in sorted(fields):
        name = PREFIX + field.upper()
        value = given.get(name, "")
        if field in secrets:
            yield f"{secret_file(field)} names a file whose value is not usable; allowed is {_ALLOWED[field]}."
            continue
        # What may carry a password is not repeated.
        shown = "not usable" if field in SECRETS or "@" in value else f'"{value}"'
        yield f"{name} is {shown}; allowed is {_ALLOWED[field]}."
