"""The FHIR in the odd requests is FHIR, except where the index says why it is broken on purpose."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from cds_service.folders import fixtures_folder
from cds_service.simulation.fixtures import with_dates

REQUESTS = fixtures_folder() / "requests"
INDEX: dict[str, dict[str, Any]] = yaml.safe_load((REQUESTS / "index.yaml").read_text(encoding="utf-8"))
ODD = [name for name, entry in INDEX.items() if name.startswith("odd/") and not entry.get("door")]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def resources(call: dict[str, Any]) -> Iterator[Any]:
    """Every FHIR value of a call, in context and prefetch."""
    if call["context"].get("draftOrders") is not None:
        yield call["context"]["draftOrders"]
    yield from (value for value in (call.get("prefetch") or {}).values() if value is not None)


def is_fhir(value: Any) -> bool:
    if not isinstance(value, dict) or "resourceType" not in value:
        return False
    try:
        get_fhir_model_class(value["resourceType"]).model_validate(value)
    except (ValidationError, KeyError):
        return False
    # The models accept what the specification does not: nulls, empties and overlong ids.
    text = json.dumps(value)
    return "null" not in text and "[]" not in text and not _has_long_id(value)


def _has_long_id(value: Any) -> bool:
    if isinstance(value, dict):
        return len(str(value.get("id", ""))) > 64 or any(_has_long_id(inner) for inner in value.values())
    return isinstance(value, list) and any(_has_long_id(inner) for inner in value)


@pytest.mark.parametrize("name", ODD)
def test_fhir_is_good_or_named_as_broken(name: str) -> None:
    call = json.loads(with_dates((REQUESTS / name).read_text(encoding="utf-8"), NOW))
    good = all(is_fhir(value) for value in resources(call))
    assert good != ("fhir" in INDEX[name])
