"""A process-wide client that each test begins and ends without."""

from collections.abc import Iterator

import pytest

from cds_service.fhir.access import inquirer


@pytest.fixture(autouse=True)
def fresh_client() -> Iterator[None]:
    yield
    inquirer().close()
    inquirer.cache_clear()
