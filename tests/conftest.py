"""What every room's tests may use: the library of the repository, and the whole service with a clock of its own."""

import os
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.knowledge.library import Library, load_library
from tests.profiles import Opened, open_application

ROOT = Path(__file__).resolve().parents[1]
CARDS = ROOT / "cards"
PATIENTS = Path(os.environ.get("SHARED_PATIENTS") or ROOT.parent / "shared" / "patients")


@cache
def shipped() -> Library:
    """The library of the repository, loaded once for the whole run."""
    return load_library(CARDS)


@pytest.fixture(scope="session")
def library() -> Library:
    return shipped()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With REQUIRE_ALL=1 a test that skips because a program is missing ("needs …") fails."""
    report = yield
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    if os.environ.get("REQUIRE_ALL") == "1" and reason.startswith("Skipped: needs "):
        report.outcome = "failed"
        report.longrepr = f"{reason}, and REQUIRE_ALL=1 allows no such skip"
    return report


OpenService = Callable[..., FlaskClient]


@pytest.fixture(scope="session")
def open_service(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[OpenService]:
    """The real service behind Flask's test client: real cards, real journal, a clock that stands still."""
    held: list[Opened] = []

    def opened(
        now: datetime, region: str = "us", cards: Library | None = None, profile: str = "sandbox"
    ) -> FlaskClient:
        folder = tmp_path_factory.mktemp("journal")
        held.append(open_application(profile, folder, cards or library, lambda: now, CDS_REGION=region))
        return held[-1].app.test_client()

    yield opened
    for one in held:
        one.close()
