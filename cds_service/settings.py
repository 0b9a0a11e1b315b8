"""What may be set, from the environment; every fault is named at once, in sentences."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from cds_service.caller import FhirRules

PREFIX = "CDS_"
# What may hold a password can also be given as a file, CDS_..._FILE, as secrets are handed to containers.
SECRETS = ("replay_store",)
_LONGEST_SECRET = 4096
LEAST_BODY_BYTES = 1_048_576
# A host name in ASCII (xn-- for others), an IPv4 address, or an IPv6 address in brackets; a path without dot segments.
_SERVER = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?"
)
_REPLAY_STORE = re.compile(r"memory|sqlite|rediss?://\S+|postgres(?:ql)?://\S+")
# Plain names only: the CORS extension takes an origin with other marks for a regular expression.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?")

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
_NO_CLIENTS = (
    "CDS_PROFILE=production needs CDS_CLIENTS_FILE: without the clients that may call, nobody can be let in; "
    "write the file, or use CDS_PROFILE=sandbox with synthetic data only."
)
_NO_HTTPS = (
    "CDS_PROFILE=production needs CDS_BASE_URL to be the https address that callers use; their tokens are made out "
    "to it."
)
_ANY_ORIGIN = (
    "CDS_PROFILE=production takes no CDS_CORS_ORIGINS=*; allowed are origins separated by commas, beside those of the "
    "clients file."
)
_SANDBOX_SERVERS = (
    "CDS_PROFILE=production takes no CDS_FHIR_ALLOWED_SERVERS; allowed are the fhir_bases of the clients in the "
    "clients file."
)
_MEMORY = (
    "CDS_REPLAY_STORE=memory serves one worker only, or a token could be used once with each; use sqlite, or "
    "CDS_WORKERS=1."
)

_FEW_CONNECTIONS = (
    "CDS_MAX_CONNECTIONS is smaller than CDS_MAX_IN_FLIGHT, so that calls would wait unseen instead of being refused; "
    "raise it, to the connections that proxies keep open at least."
)


class SettingsError(Exception):
    """The settings cannot be used. `sentences` names every fault; none repeats what may be a secret."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Settings(BaseSettings):
    """The configuration in force. Made by `load`; the environment is an argument, never read behind our back."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)

    profile: Literal["sandbox", "production"] = "sandbox"
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(8080, ge=1, le=65535)
    base_url: str = ""
    data_dir: Path = Path("data")
    cards_dir: Path | None = None
    region: Literal["us", "uk", "de"] = "us"
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    max_body_bytes: int = Field(8_000_000, ge=LEAST_BODY_BYTES)
    max_entries: int = Field(20_000, ge=1)
    max_in_flight: int = Field(32, ge=1, le=512)
    max_in_flight_per_client: int = Field(24, ge=1, le=512)
    max_computing: int = Field(2, ge=1, le=64)
    call_seconds: float = Field(5.0, ge=0.5, le=60)
    max_connections: int = Field(512, ge=16, le=65_536)
    show_drafts: bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    workers: int | Literal["auto"] = 1
    clients_file: Path | None = None
    replay_store: str = "sqlite"
    rate_limit: int = Field(600, ge=1)
    jwks_stale_hours: int = Field(24, ge=1, le=168)
    ca_file: Path | None = None
    fhir_allowed_servers: Annotated[tuple[str, ...], NoDecode] = ()
    fhir_timeout_seconds: float = Field(2.0, ge=0.1, le=10)
    fhir_calls: int = Field(12, ge=1, le=64)
    fhir_calls_per_client: int = Field(6, ge=1, le=64)
    fhir_pause_after: int = Field(5, ge=1, le=100)
    fhir_pause_seconds: float = Field(30.0, ge=1, le=600)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` passes in."""
        return (init_settings,)

    @field_validator("base_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[?#@\s]", value):
            raise ValueError
        return value.rstrip("/")

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_on_commas(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        origins = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
        if origins != ("*",) and not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError
        return origins

    @field_validator("workers")
    @classmethod
    def _in_reason(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 64:
            raise ValueError
        return value

    @field_validator("fhir_allowed_servers", mode="before")
    @classmethod
    def _split_servers(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        servers = tuple(server.strip() for server in value.split(",") if server.strip())
        if not all(_SERVER.fullmatch(server) for server in servers):
            raise ValueError
        return servers

    @field_validator("replay_store")
    @classmethod
    def _known_store(cls, value: str) -> str:
        if not _REPLAY_STORE.fullmatch(value):
            raise ValueError
        return value

    @field_validator("clients_file", "ca_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not (value.is_file() and os.access(value, os.R_OK)):
            raise ValueError
        return value

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """The settings of an environment. Raises `SettingsError` with a sentence for every fault."""
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        names = {PREFIX + field.upper(): field for field in cls.model_fields}
        known = [*names, *(secret_file(field) for field in SECRETS)]
        sentences = [_unknown(name, known) for name in given if name not in known]
        fields = {names[name]: value for name, value in given.items() if name in names and value != ""}
        secrets = _secrets(given, sentences)
        try:
            settings = cls.model_validate(fields | secrets)
        except ValidationError as error:
            raise SettingsError(sentences + list(_faults(error, given, secrets))) from None
        sentences += settings._unsafe()
        if sentences:
            raise SettingsError(sentences)
        return settings

    def _unsafe(self) -> Iterator[str]:
        """What must not be together."""
        if self.replay_store == "memory" and self.worker_count > 1:
            yield _MEMORY
        if self.max_connections < self.max_in_flight:
            yield _FEW_CONNECTIONS
        if self.profile == "sandbox":
            return
        if self.clients_file is None:
            yield _NO_CLIENTS
        if not self.base_url.startswith("https://"):
            yield _NO_HTTPS
        if "cors_origins" in self.model_fields_set and self.cors_origins == ("*",):
            yield _ANY_ORIGIN
        if self.fhir_allowed_servers:
            yield _SANDBOX_SERVERS

    @property
    def public_url(self) -> str:
        """The address of the service as its callers know it, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url or f"http://{host}:{self.port}"

    @property
    def base_path(self) -> str:
        """The path under which the service stands, "" for the root."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def fhir_rules(self) -> FhirRules:
        """How FHIR servers are asked."""
        return FhirRules(
            seconds=self.fhir_timeout_seconds,
            calls=self.fhir_calls,
            calls_per_client=self.fhir_calls_per_client,
            pause_after=self.fhir_pause_after,
            pause_seconds=self.fhir_pause_seconds,
            ca_file=str(self.ca_file or ""),
            entries=self.max_entries,
        )

    @property
    def worker_count(self) -> int:
        """How many processes answer calls."""
        return (os.cpu_count() or 1) if self.workers == "auto" else self.workers


def secret_file(field: str) -> str:
    """The name of the setting that names a file with the value of `field`."""
    return f"{PREFIX}{field.upper()}_FILE"


def _secrets(given: Mapping[str, str], sentences: list[str]) -> dict[str, str]:
    """The values that stand in files; what is wrong with a file is added to `sentences`, never what stands in it."""
    found: dict[str, str] = {}
    for field in SECRETS:
        name, path = secret_file(field), given.get(secret_file(field), "")
        if not path:
            continue
        if given.get(PREFIX + field.upper()):
            sentences.append(f"{PREFIX}{field.upper()} and {name} are both set; give one of them.")
        try:
            value = Path(path).read_bytes()[: _LONGEST_SECRET + 1].decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            sentences.append(f"{name} names a file that cannot be read: {why}.")
            continue
        if not value or len(value) > _LONGEST_SECRET:
            sentences.append(f"{name} names a file that is empty or longer than {_LONGEST_SECRET} bytes.")
            continue
        found[field] = value
    return found


def _unknown(name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{name} is not a setting; the nearest is {nearest[0]}."


def _faults(error: ValidationError, given: Mapping[str, str], secrets: Mapping[str, str]) -> Iterator[str]:
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
