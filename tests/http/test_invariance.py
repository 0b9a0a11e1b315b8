"""Through the whole service: what must not change an answer does not, and no JSON makes it fail."""

import copy
import json
import random
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.simulation.vignettes import CLOCK, Vignette, read_vignettes
from tests.conftest import CARDS, OpenService, shipped

SERVICES = ("cramp-patient-view", "cramp-order-select", "cramp-order-sign")
RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def vignettes() -> tuple[Vignette, ...]:
    library = shipped()
    found = read_vignettes(CARDS, library.terms, tuple(library.regions))
    return tuple(one for one in found if one.region == "us")


@pytest.fixture(scope="module")
def client(open_service: OpenService) -> FlaskClient:
    return open_service(CLOCK)


def findings(client: FlaskClient, service: str, request: Any) -> set[tuple[str, str]]:
    answer = client.post(f"/cds-services/{service}", json=request)
    assert answer.status_code in (200, 412), answer.get_data(as_text=True)
    cards = answer.get_json().get("cards", [])
    return {(f["id"], f["indicator"]) for card in cards for f in card["extension"]["org.cds-service.findings"]}


@RELAXED
@given(st.data())
def test_order_duplicates_and_strangers_change_nothing(client: FlaskClient, data: st.DataObject) -> None:
    vignette = data.draw(st.sampled_from(vignettes()))
    before = findings(client, vignette.service_id, vignette.request)
    request = copy.deepcopy(vignette.request)
    shuffle = random.Random(data.draw(st.integers(0, 10**6)))
    for key, value in request["prefetch"].items():
        entries = value.get("entry")
        if entries:
            entries += [copy.deepcopy(shuffle.choice(entries))]
            entries += [{"resource": {"resourceType": "Basic", "id": f"b{key}", "code": {"text": "irrelevant"}}}]
            shuffle.shuffle(entries)
    assert findings(client, vignette.service_id, request) == before


EQUIVALENT = {
    "sodium": [("mmol/L", 1), ("mEq/L", 1), ("meq/L", 1)],
    "potassium": [("mmol/L", 1), ("mEq/L", 1)],
    "magnesium": [("mmol/L", 1), ("mg/dL", 2.4305), ("mEq/L", 2)],
    "calcium": [("mmol/L", 1), ("mg/dL", 4.0078), ("mEq/L", 2)],
}


@RELAXED
@given(
    st.sampled_from(sorted(EQUIVALENT)),
    st.floats(0.2, 1.8),
    st.sampled_from(["hydrochlorothiazide", "furosemide", "spironolactone"]),
)
def test_equivalent_units_give_the_same_findings(client: FlaskClient, test: str, factor: float, drug: str) -> None:
    usual = {"sodium": 140, "potassium": 4.0, "magnesium": 0.85, "calcium": 2.4}[test]
    value = round(usual * factor, 3)
    terms = shipped().terms
    answers = []
    for unit, times in EQUIVALENT[test]:
        request = request_with(terms, test, value * times, unit, drug)
        answers.append(findings(client, "cramp-order-sign", request))
    assert all(answer == answers[0] for answer in answers)


def request_with(terms: Any, test: str, value: float, unit: str, drug: str) -> dict[str, Any]:
    drug_code, lab_code = terms.drug_coding(drug), terms.lab_coding(test, "lab-adjusted" if test == "calcium" else "")
    order = {
        "resourceType": "MedicationRequest",
        "id": "o",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": {"coding": [drug_code._asdict()]},
    }
    result = {
        "resourceType": "Observation",
        "id": "r",
        "status": "final",
        "code": {"coding": [{"system": lab_code.system, "code": lab_code.code}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": CLOCK.isoformat(),
        "valueQuantity": {"value": value, "unit": unit},
    }
    return {
        "hook": "order-sign",
        "hookInstance": "0f3d1c5e-8a61-4c0e-9c0b-3d0a52f4b7e1",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "p",
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
        },
        "prefetch": {
            "patient": None,
            "medications": None,
            "conditions": None,
            "allergies": None,
            "observations": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": result}]},
        },
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def replaced(value: Any, junk: Any, shuffle: random.Random) -> Any:
    """The value with one member, picked at random somewhere inside, replaced by junk."""
    if isinstance(value, dict) and value and shuffle.random() < 0.85:
        key = shuffle.choice(sorted(value))
        return {**value, key: replaced(value[key], junk, shuffle)}
    if isinstance(value, list) and value and shuffle.random() < 0.85:
        place = shuffle.randrange(len(value))
        return [*value[:place], replaced(value[place], junk, shuffle), *value[place + 1 :]]
    return junk


@settings(RELAXED, max_examples=300)
@given(st.data(), JSON, st.integers(0, 10**9))
def test_junk_anywhere_in_a_call_is_never_a_server_error(
    client: FlaskClient, data: st.DataObject, junk: Any, seed: int
) -> None:
    vignette = data.draw(st.sampled_from(vignettes()))
    request = replaced(vignette.request, junk, random.Random(seed))
    answer = client.post(f"/cds-services/{vignette.service_id}", json=request)
    assert answer.status_code < 500, answer.get_data(as_text=True)


@RELAXED
@given(st.sampled_from(SERVICES), JSON)
def test_random_json_is_never_a_server_error(client: FlaskClient, service: str, body: Any) -> None:
    answer = client.post(f"/cds-services/{service}", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json()["resourceType"] == "OperationOutcome"


@RELAXED
@given(st.sampled_from(SERVICES), st.binary(max_size=200))
def test_random_bytes_are_never_a_server_error(client: FlaskClient, service: str, body: bytes) -> None:
    answer = client.post(f"/cds-services/{service}", data=body, content_type="application/json")
    assert answer.status_code == 400
