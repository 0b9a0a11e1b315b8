"""The package of each region, made once."""

from functools import cache

import pytest

from cds_service.export import Edition, package, read_edition
from cds_service.export.edition import Json
from cds_service.knowledge.library import Library
from tests.conftest import CARDS, shipped

REGIONS = ("us", "uk", "de")


@cache
def edition_of(region: str) -> Edition:
    return read_edition(shipped(), CARDS, region)


@cache
def package_of(region: str) -> tuple[Json, ...]:
    return package(edition_of(region))


@pytest.fixture(params=REGIONS)
def edition(request: pytest.FixtureRequest, library: Library) -> Edition:
    return edition_of(request.param)


@pytest.fixture
def resources(edition: Edition) -> tuple[Json, ...]:
    return package_of(edition.region)
