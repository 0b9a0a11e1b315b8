"""The table of settings: each with its type, its default and its bounds."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from cds_service.caller import FhirRules
from cds_service.settings.faults import SettingsError, unknown, value_faults
from cds_service.settings.names import LEAST_BODY_BYTES, PREFIX, SECRETS, secret_file
from cds_service.settings.secret_files import read_secrets
from cds_service.settings.together import conflicts

# A host name in ASCII (xn-- for others), an IPv4 address, or an IPv6 address in brackets; a path without dot segments.
_SERVER = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?"
)
_REPLAY_STORE = re.compile(r"memory|sqlite|rediss?://\S+|postgres(?:ql)?://\S+")
# Plain names only: the CORS extension takes an origin with other marks for a regular expression.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?")


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
    replay_store: str = Field("sqlite", repr=False)
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
        sentences = [unknown(name, known) for name in given if name not in known]
        fields = {names[name]: value for name, value in given.items() if name in names and value != ""}
        secrets = read_secrets(given, sentences)
        try:
            settings = cls.model_validate(fields | secrets)
        except ValidationError as error:
            raise SettingsError(sentences + list(value_faults(error, given, secrets))) from None
        sentences += conflicts(settings)
        if sentences:
            raise SettingsError(sentences)
        return settings

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
            bytes=self.max_body_bytes,
        )

    @property
    def worker_count(self) -> int:
        """How many processes answer calls."""
        return (os.cpu_count() or 1) if self.workers == "auto" else self.workers
