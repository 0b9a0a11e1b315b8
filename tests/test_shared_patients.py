"""Patients of many origins, beside the repository, through the whole service: never a server error, all answers valid."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from cds_service.hooks import Hook
from cds_service.simulation.calls import call
from cds_service.simulation.populations import Case, cases
from tests.conftest import PATIENTS, ROOT, OpenService

ORIGINS = sorted(path.parent.name for path in PATIENTS.glob("*/patients.ndjson.gz")) if PATIENTS.is_dir() else []
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
HOOKS: tuple[Hook, ...] = ("patient-view", "order-select")
SCHEMA = json.loads((ROOT / "cds_service/hooks/schemas/response.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
pytestmark = [
    pytest.mark.patients,
    pytest.mark.skipif(not ORIGINS, reason="the shared patients are not here (SHARED_PATIENTS)"),
]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def client(open_service: OpenService) -> FlaskClient:
    return open_service(NOW)


def seen(client: FlaskClient, request: Json) -> Counter[str]:
    answer = client.post(f"/cds-services/cramp-{request['hook']}", json=request)
    assert answer.status_code in (200, 400, 412), answer.get_data(as_text=True)
    body = answer.get_json()
    if answer.status_code != 200:
        assert body["resourceType"] == "OperationOutcome"
        return Counter()
    assert list(VALIDATOR.iter_errors(body)) == []
    return Counter(f["id"] for card in body["cards"] for f in card["extension"]["org.cds-service.findings"])


@pytest.mark.parametrize("origin", ORIGINS)
def test_every_patient_gets_a_valid_answer(
    origin: str, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    calls, cards = Counter[str](), Counter[str]()
    for case in cases(PATIENTS / origin / "patients.ndjson.gz"):
        assert isinstance(case, Case), case
        for hook in HOOKS:
            request = call(hook, case, NOW)
            if request is not None:
                calls[hook] += 1
                cards.update(f"{hook} {card}" for card in seen(client, request))
    assert calls["patient-view"] > 0
    with capsys.disabled():
        rates = ", ".join(f"{name} {100 * n / calls[name.split()[0]]:.0f}" for name, n in sorted(cards.items()))
        print(f"\n{origin}: {sum(calls.values())} calls; cards per 100 calls: {rates or 'none'}")
