"""The whole service in both profiles, and what a right answer is."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import msgspec
from flask import Flask
from jsonschema import Draft202012Validator

from cds_service.audit import Journal
from cds_service.knowledge.library import Library
from tests.fixtures.people import NOW
from tests.profiles import PROFILES, Opened, open_application

SCHEMA = Draft202012Validator(
    json.loads(files("cds_service.hooks").joinpath("schemas/response.schema.json").read_text(encoding="utf-8"))
)
MEANT = frozenset({200, 204, 400, 401, 404, 405, 412, 413, 415})
HANGS_AFTER = 2.0


class Forgetful(Journal):
    """Writes every record as the journal would, and keeps none: a campaign makes more of them than a disk should hold."""

    def write(self, *records: Mapping[str, object], until: float = 0.0) -> None:
        for record in records:
            written = msgspec.json.encode(record)
            if b"\n" in written or not msgspec.json.decode(written):
                raise AssertionError("a record is no line")


class Wrong(Exception):
    """An answer that must not be: the words say what is wrong with it."""


class Doors:
    """The service in the sandbox and in production, side by side."""

    def __init__(self, folder: Path, library: Library, clock: Callable[[], datetime] = lambda: NOW) -> None:
        self.opened: dict[str, Opened] = {}
        for profile in PROFILES:
            (folder / profile).mkdir()
            self.opened[profile] = open_application(
                profile, folder / profile, library, clock, Forgetful(folder / profile), CDS_LOG_LEVEL="error"
            )

    def app(self, profile: str) -> Flask:
        return self.opened[profile].app

    def ask(self, path: str, body: bytes) -> str:
        """The status of a call, the same in both profiles. Raises `Wrong`."""
        statuses = [judged(self.app(profile), path, body) for profile in PROFILES]
        if len(set(statuses)) > 1:
            raise Wrong(f"the profiles disagree: {statuses}")
        return str(statuses[0])

    def close(self) -> None:
        for one in self.opened.values():
            one.close()


def judged(app: Flask, path: str, body: bytes) -> int:
    """The status of one call. Raises `Wrong` for a 5xx, and for an answer that breaks its schema."""
    answer = app.test_client().post(path, data=body, content_type="application/json")
    if answer.status_code not in MEANT:
        raise Wrong(f"status {answer.status_code}")
    if answer.status_code == 204:
        return 204
    told = answer.get_json()
    if answer.status_code == 200:
        faults = [error.message[:200] for error in SCHEMA.iter_errors(told)]
    else:
        said = told["issue"][0].get("diagnostics") if told.get("resourceType") == "OperationOutcome" else None
        faults = [] if isinstance(said, str) and said else ["an error without a sentence"]
    if faults:
        raise Wrong(f"{answer.status_code}: {faults[0]}")
    return answer.status_code
