"""Putting a worker together: settings, library, journal, application."""

import gc
import os
from datetime import UTC, datetime

from flask import Flask

from cds_service import service
from cds_service.audit import Journal
from cds_service.folders import cards_folder
from cds_service.knowledge.library import load_library
from cds_service.settings import Settings
from cds_service.web.app import create_app


def now() -> datetime:
    """The clock of the service."""
    return datetime.now(UTC)


def build_app() -> Flask:
    """The application of one worker process, from the environment.

    Raises `SettingsError` or `LibraryError` with sentences when it cannot serve.
    """
    settings = Settings.load(os.environ)
    library = load_library(settings.cards_dir or cards_folder())
    app = create_app(
        settings,
        library,
        Journal(settings.data_dir),
        now,
        service.respond,
        service.take_feedback,
        ready=lambda: service.failing_checks(library, datetime.now(UTC)),
    )
    gc.collect()
    gc.freeze()  # the library lives as long as the worker: the collector need not walk it again
    return app
