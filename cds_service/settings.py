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

PREFIX = "CDS_"
LEAST_BODY_BYTES = 1_048_576
_ORIGIN = re.compile(r"https?://[^/\s*?#@]+")

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
    "show_drafts": '"true" or "false"',
    "log_level": '"debug", "info", "warning" or "error"',
    "log_format": '"json" or "text"',
    "workers": 'a whole number of processes from 1 to 64, or "auto" for one per core',
}
_PRODUCTION = (
    "CDS_PROFILE=production is refused: callers cannot be authenticated yet, so no real patient data may be sent here; "
    "use CDS_PROFILE=sandbox with synthetic data only."
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
    show_drafts: bool = True
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    workers: int | Literal["auto"] = 1

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

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """The settings of an environment. Raises `SettingsError` with a sentence for every fault."""
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        names = {PREFIX + field.upper(): field for field in cls.model_fields}
        sentences = [_unknown(name, list(names)) for name in given if name not in names]
        if given.get("CDS_PROFILE") == "production":
            sentences.append(_PRODUCTION)
        fields = {names[name]: value for name, value in given.items() if name in names and value != ""}
        try:
            settings = cls.model_validate(fields)
        except ValidationError as error:
            raise SettingsError(sentences + list(_faults(error, given))) from None
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
    def worker_count(self) -> int:
        """How many processes answer calls."""
        return (os.cpu_count() or 1) if self.workers == "auto" else self.workers


def _unknown(name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{name} is not a setting; the nearest is {nearest[0]}."


def _faults(error: ValidationError, given: Mapping[str, str]) -> Iterator[str]:
    fields = {str(fault["loc"][0]) for fault in error.errors(include_input=False, include_url=False)}
    for field in sorted(fields):
        name = PREFIX + field.upper()
        value = given.get(name, "")
        # An address may carry a password: then the value is not repeated.
        shown = "not usable" if "@" in value else f'"{value}"'
        yield f"{name} is {shown}; allowed is {_ALLOWED[field]}."
