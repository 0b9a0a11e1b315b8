"""An open door to the application, with the stubbed service behind it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cds_service.audit import Journal
from tests.http.stub_service import Door, World, application

Open = Callable[..., Door]


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[Open]:
    journals: list[Journal] = []

    def opened(**environ: str) -> Door:
        world, journal = World(), Journal(tmp_path / "log")
        journals.append(journal)
        app = application({"CDS_DATA_DIR": str(tmp_path / "log"), **environ}, world, journal)
        return Door(app.test_client(), world, journal)

    yield opened
    for journal in journals:
        journal.close()


@pytest.fixture
def door(open_door: Open) -> Door:
    return open_door()
