"""CORS: browsers may call the hook routes, and read the errors too; nothing else, and never with credentials."""

import pytest

from tests.http.conftest import Open
from tests.http.stub_service import Door

PATHS = ["/cds-services", "/cds-services/cramp-order-select", "/cds-services/cramp-order-select/feedback"]
EHR = "https://ehr.example.org"


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_is_answered_without_a_token(door: Door, path: str) -> None:
    method = "GET" if path == "/cds-services" else "POST"
    response = door.client.options(
        path,
        headers={
            "Origin": "https://sandbox.cds-hooks.org",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert method in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/cds-services", "GET", 200),
        ("/cds-services/cramp-order-select", "POST", 415),
        ("/cds-services/cramp-order-select", "GET", 405),
        ("/cds-services/unknown", "POST", 404),
        ("/cds-services/cramp-order-select/feedback", "POST", 415),
    ],
)
@pytest.mark.parametrize("origin", ["https://x.example.org", "null"])
def test_the_star_is_on_errors_too_and_never_echoes(
    door: Door, path: str, method: str, status: int, origin: str
) -> None:
    response = door.client.open(path, method=method, headers={"Origin": origin})
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_crash_can_be_read_by_a_browser(door: Door) -> None:
    door.world.respond = lambda *_: 1 / 0
    call = {
        "hook": "patient-view",
        "hookInstance": "x",
        "context": {"userId": "Practitioner/1", "patientId": "1"},
    }
    response = door.client.post("/cds-services/cramp-patient-view", json=call, headers={"Origin": EHR})
    assert response.status_code == 500
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/version", "/livez", "/readyz", "/openapi.json", "/cds-servicesx"])
def test_nothing_else_is_open(door: Door, path: str) -> None:
    response = door.client.get(path, headers={"Origin": EHR})
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("origins", [EHR, f"{EHR},https://other.example.org"])
def test_a_list_admits_its_origins_only_and_says_so_to_caches(open_door: Open, origins: str) -> None:
    door = open_door(CDS_CORS_ORIGINS=origins)
    for path in PATHS:
        known = door.client.get(path, headers={"Origin": EHR})
        assert known.headers["Access-Control-Allow-Origin"] == EHR
        for origin in ("https://evil.example.org", "null", EHR + ".evil.org"):
            foreign = door.client.get(path, headers={"Origin": origin})
            assert foreign.headers.get("Access-Control-Allow-Origin") in (None, EHR)
            assert foreign.headers.get("Access-Control-Allow-Origin") != origin
            assert "Origin" in foreign.headers["Vary"]
        assert "Origin" in known.headers["Vary"]
        assert "Origin" in door.client.get(path).headers["Vary"]
