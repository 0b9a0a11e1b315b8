"""The real service behind the real doors: every odd and hostile request file, and whatever the description allows."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from flask import Flask
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance

from cds_service.audit import tail
from cds_service.folders import fixtures_folder, openapi_file
from cds_service.knowledge.library import Library
from cds_service.simulation.fixtures import with_dates
from tests.profiles import PROFILES, open_application

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUESTS = fixtures_folder() / "requests"
INDEX: dict[str, dict[str, Any]] = yaml.safe_load((REQUESTS / "index.yaml").read_text(encoding="utf-8"))
SCHEMA = Draft202012Validator(
    json.loads(files("cds_service.hooks").joinpath("schemas/response.schema.json").read_text())
)


@pytest.fixture(scope="module", params=PROFILES)
def app(tmp_path_factory: pytest.TempPathFactory, library: Library, request: pytest.FixtureRequest) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("log")
    opened = open_application(request.param, folder, library, lambda: NOW, CDS_LOG_LEVEL="error")
    opened.app.config["FOLDER"] = folder
    yield opened.app
    opened.close()


def body_of(name: str) -> bytes:
    raw = (REQUESTS / name).read_bytes()
    return with_dates(raw.decode(), NOW).encode() if name.startswith("odd/") else raw


@pytest.mark.parametrize("name", [name for name in INDEX if name.startswith(("odd/", "hostile/"))])
def test_every_request_file_gets_its_answer(app: Flask, name: str) -> None:
    entry = INDEX[name]
    path = f"/cds-services/{entry['service']}" + ("/feedback" if entry.get("door") else "")
    headers = {"Content-Type": entry.get("content_type", "application/json"), **entry.get("headers", {})}
    if not headers["Content-Type"]:
        del headers["Content-Type"]
    response = app.test_client().post(path, data=body_of(name), headers=headers)
    assert response.status_code == entry["status"], response.text
    if response.status_code == 200:
        SCHEMA.validate(response.json)
    if response.status_code >= 400:
        assert entry["says"] in response.json["issue"][0]["diagnostics"]


def test_the_service_is_ready(app: Flask) -> None:
    assert app.test_client().get("/readyz?verbose").status_code == 200


def test_the_same_call_again_is_recorded_again_with_other_uuids(app: Flask) -> None:
    client, name = app.test_client(), "odd/bundle-without-type.json"
    path = f"/cds-services/{INDEX[name]['service']}"
    answers = [client.post(path, data=body_of(name), content_type="application/json") for _ in range(2)]
    cards = [card["uuid"] for answer in answers for card in answer.json["cards"]]
    assert len(cards) == len(set(cards)) > 0
    folder = Path(app.config["FOLDER"])
    decisions = {str(record["id"]) for record in tail(folder, 2).records}
    assert decisions == {answer.headers["X-Request-Id"] for answer in answers}


CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
DESCRIPTION = yaml.safe_load(openapi_file().read_text(encoding="utf-8"))
OPERATIONS = [(path, method) for path, item in DESCRIPTION["paths"].items() for method in item]


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_whatever_the_description_allows_is_answered_as_described(app: Flask, path: str, method: str) -> None:
    operation = schemathesis.openapi.from_wsgi("/openapi.json", app)[path][method.upper()]

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def holds(case: schemathesis.Case) -> None:
        case.headers.pop("Authorization", None)  # one made up by chance: in production every call would end there
        case.call_and_validate(checks=CHECKS)

    holds()
