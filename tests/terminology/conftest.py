"""The terminology of the repository, built once for this room's tests."""

from typing import Any

import pytest

from cds_service.terminology import Terms, build_terms, read_tables
from tests.terminology.shared_lists import SHARED, read_yaml


@pytest.fixture(scope="session")
def listed() -> dict[str, dict[str, Any]]:
    names = {
        "classes": "drugs/classes.yaml",
        "labs": "labs.yaml",
        "conditions": "conditions.yaml",
        "routes": "drugs/routes.yaml",
    }
    return {key: read_yaml(name) for key, name in names.items()}


@pytest.fixture(scope="session")
def terms(listed: dict[str, dict[str, Any]]) -> Terms:
    return build_terms(read_tables(SHARED), **listed)
