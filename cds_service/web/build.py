"""Putting a worker together: settings, library, journal, application."""

import gc
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask

from cds_service import service
from cds_service.audit import Journal
from cds_service.folders import cards_folder
from cds_service.knowledge.library import Library, load_library
from cds_service.settings import Settings
from cds_service.web.app import create_app

if TYPE_CHECKING:
    from cds_service.trust.gate import Gate

# How long a thread that computes keeps another waiting: short, so that a refusal or a health check comes at once.
_SWITCH_SECONDS = 0.001


def now() -> datetime:
    """The clock of the service."""
    return datetime.now(UTC)


def build_app() -> Flask:
    """The application of one worker process, from the environment.

    Raises `SettingsError`, `LibraryError` or `ConfigurationError` with sentences when it cannot serve.
    """
    settings = Settings.load(os.environ)
    library = load_library(settings.cards_dir or cards_folder(), settings.data_dir)
    app = create_app(
        settings,
        library,
        Journal(settings.data_dir),
        now,
        service.respond,
        service.take_feedback,
        ready=lambda: service.failing_checks(library, now()),
        gate=_gate(settings, library),
    )
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.collect()
    gc.freeze()  # the library lives as long as the worker: the collector need not walk it again
    return app


def _gate(settings: Settings, library: Library) -> "Gate | None":
    """The gate, where clients are registered; its libraries are loaded only then."""
    if settings.clients_file is None:
        return None
    from cds_service.trust.gate import open_gate
    from cds_service.trust.starting import check_start

    check_start(settings, library)
    return open_gate(settings, now().timestamp())
