"""A client and a guard of the process that each test begins and ends without."""

from collections.abc import Iterator
from functools import cache

import pytest

from cds_service.fhir import access
from cds_service.fhir.guard import guard


@pytest.fixture(autouse=True)
def fresh_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made: list[access.Inquirer] = []

    @cache
    def inquirer(threads: int) -> access.Inquirer:
        made.append(access.Inquirer(threads))
        return made[-1]

    monkeypatch.setattr(access, "inquirer", inquirer)
    guard.cache_clear()
    yield
    for each in made:
        each.close()
    guard.cache_clear()
