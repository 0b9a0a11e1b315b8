"""A service that answers what a test wants, and the application around it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from cds_service.audit import Journal
from cds_service.chart import SECTIONS, Needs
from cds_service.hooks import encode_cards
from cds_service.settings import Settings
from cds_service.web.app import create_app

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class StubAnswer:
    status: int = 200
    body: bytes = encode_cards([])
    summary: Mapping[str, object] = field(default_factory=lambda: {"cards": 0})


@dataclass(frozen=True)
class StubCard:
    id: str
    status: str


class StubTerms:
    def observation_tokens(self, tests: Sequence[str]) -> tuple[str, ...]:
        return ("http://lab.example.org|1-1", "http://lab.example.org|2-2")


class StubLibrary:
    revision = "0" * 64
    version = "0.0.1"
    terms = StubTerms()
    cards = (StubCard("one", "draft"), StubCard("two", "draft"), StubCard("three", "active"))

    def needs(self, hook: str) -> Needs:
        return Needs(frozenset(SECTIONS), frozenset({"x"}))


@dataclass
class World:
    """What the stubbed service was asked, and what it does."""

    respond: Callable[..., Any] = lambda *_: StubAnswer()
    ready: Callable[[], Sequence[tuple[str, str]]] = tuple
    calls: list[Any] = field(default_factory=list)
    feedback: list[Any] = field(default_factory=list)

    def answer(self, *arguments: Any) -> Any:
        self.calls.append(arguments)
        return self.respond(*arguments)

    def take_feedback(
        self, entries: Any, service_id: str, caller: Any, library: Any, journal: Journal, now: datetime, pace: Any
    ) -> None:
        journal.write({"kind": "feedback", "count": len(entries)}, until=pace.until)
        self.feedback.append((service_id, entries, caller, now))


@dataclass
class Door:
    client: FlaskClient
    world: World
    journal: Journal


def application(environ: Mapping[str, str], world: World, journal: Journal) -> Flask:
    settings = Settings.load(environ)
    return create_app(
        settings, StubLibrary(), journal, lambda: NOW, world.answer, world.take_feedback, lambda: world.ready()
    )


def build() -> Flask:
    """A worker for a real server, from the environment."""
    return application(os.environ, World(), Journal(Path(os.environ["CDS_DATA_DIR"])))


def holding() -> Flask:
    """A worker whose calls for the patient `hold` are worked on until a file named `release` stands in its folder."""
    folder = Path(os.environ["CDS_DATA_DIR"])
    folder.mkdir(exist_ok=True)
    journal = Journal(folder)

    def respond(request: Any, *rest: Any) -> StubAnswer:
        if request.patient_id == "hold":
            decision_id = rest[4]
            rest[-1].rest()  # it waits, and does not compute
            (folder / f"held-{decision_id}").touch()
            while not (folder / "release").exists():
                time.sleep(0.01)
            journal.write({"kind": "decision", "id": str(decision_id), "padding": "x" * 20_000})
        return StubAnswer()

    return application(os.environ, World(respond), journal)


def slow() -> Flask:
    """A worker that takes a while to load; a file named `loading` says that it has begun."""
    folder = Path(os.environ["CDS_DATA_DIR"])
    folder.mkdir(exist_ok=True)
    (folder / "loading").touch()
    time.sleep(2)
    return build()


def broken() -> Flask:
    """A worker that cannot start."""
    raise SystemExit("the library cannot be read")
