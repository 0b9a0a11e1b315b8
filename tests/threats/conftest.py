"""One production service for all threats that come over the wire."""

from collections.abc import Iterator

import pytest

from tests.threats.running import Running, running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("running")) as started:
        yield started
