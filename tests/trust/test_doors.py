"""The gate in front of the doors: one answer to every bad token, options per client, rates, stores that are down."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cds_service.audit import Journal
from cds_service.settings import Settings
from cds_service.trust.gate import Gate, open_gate
from cds_service.trust.replay import StoreDown
from cds_service.web.app import create_app
from tests.http.stub_service import NOW as MOMENT
from tests.http.stub_service import Door, StubAnswer, StubLibrary, World
from tests.trust.issuing import AUDIENCE, BASE, CALL, PATH, claims, client, key_pair, sign, write_clients

NOW = int(MOMENT.timestamp())
FEEDBACK = {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-03-01T10:00:00Z"}]}
DOORS = {"/cds-services": "GET", PATH: "POST", PATH + "/feedback": "POST"}
EHR = "https://ehr.example.org"
Open = Callable[..., Door]


@pytest.fixture
def open_door(tmp_path: Path) -> Iterator[Open]:
    """A production service with the clients given, its own journal and a clock that stands still."""
    held: list[Journal | Gate] = []

    def opened(*entries: Mapping[str, object], **environ: str) -> Door:
        given = {
            "CDS_PROFILE": "production",
            "CDS_BASE_URL": BASE,
            "CDS_CLIENTS_FILE": str(write_clients(tmp_path, *entries)),
            "CDS_DATA_DIR": str(tmp_path / "log"),
            "CDS_REPLAY_STORE": "memory",
            **environ,
        }
        settings, world, journal = Settings.load(given), World(), Journal(tmp_path / "log")
        gate = open_gate(settings, MOMENT.timestamp(), lambda: 0.0)
        held.extend([journal, gate])
        library: Any = StubLibrary()
        app = create_app(settings, library, journal, lambda: MOMENT, world.answer, world.take_feedback, tuple, gate)
        app.extensions["gate"] = gate
        return Door(app.test_client(), world, journal)

    yield opened
    for one in held:
        one.close()


def token(path: str = PATH, jti: str = "one", key: str = "ES384", **changes: object) -> str:
    said = claims(**{"aud": BASE + path, "iat": NOW, "exp": NOW + 300, "jti": jti, **changes})
    return "Bearer " + sign(said, key_pair(key))


def call(door: Door, authorization: str | None, path: str = PATH, body: object = CALL, **headers: str) -> TestResponse:
    given = {**headers, **({"Authorization": authorization} if authorization is not None else {})}
    if DOORS[path] == "GET":
        return door.client.get(path, headers=given)
    body = FEEDBACK if path.endswith("feedback") and body is CALL else body
    return door.client.post(path, data=json.dumps(body), content_type="application/json", headers=given)


def test_every_door_opens_to_a_token_made_out_to_it(open_door: Open) -> None:
    door = open_door()
    assert call(door, token("/cds-services", "a"), "/cds-services").status_code == 200
    assert call(door, token(PATH, "b")).status_code == 200
    assert call(door, token(PATH + "/feedback", "c"), PATH + "/feedback").status_code == 204
    assert door.world.calls[0][1].name == "ehr"
    assert door.world.feedback[0][2].name == "ehr"


def test_every_bad_token_gets_the_same_answer(open_door: Open) -> None:
    door = open_door()
    used = token(jti="used")
    assert call(door, used).status_code == 200
    bad = [
        None, "", "Bearer", "Basic x", "Bearer x", used, token("/cds-services"), token(iss="x"), token(exp=NOW + 9999),
        token(jti=""), "Bearer " + sign(claims(iat=NOW, exp=NOW + 60), key_pair("ES384", 1)),
        "Bearer " + "a" * 20_000, token() + "=", token(kid="x"), "Bearer é.é.é",
    ]  # fmt: skip
    answers = {
        (answer.status_code, answer.data, answer.headers["WWW-Authenticate"], answer.headers["Cache-Control"])
        for authorization in bad
        for path in DOORS
        for answer in [call(door, authorization, path)]
        if not (authorization == bad[6] and path == "/cds-services")
    }
    assert len(answers) == 1
    status, body, challenge, caching = answers.pop()
    assert (status, challenge, caching) == (401, "Bearer", "no-store")
    assert json.loads(body)["resourceType"] == "OperationOutcome"
    assert len(door.world.calls) == 1


def test_the_address_comes_from_the_settings_not_from_the_host_header(open_door: Open) -> None:
    door = open_door()
    evil = "Bearer " + sign(claims(aud="https://evil.example.org" + PATH, iat=NOW, exp=NOW + 60), key_pair("ES384"))
    assert call(door, evil, Host="evil.example.org").status_code == 401
    assert call(door, token(), Host="evil.example.org").status_code == 200


def test_nothing_of_the_body_is_looked_at_before_the_token(open_door: Open) -> None:
    door = open_door()
    for content_type in ("text/plain", "application/json"):
        answer = door.client.post(PATH, data=b"{" * 9_000_000, content_type=content_type)
        assert answer.status_code == 401
    assert call(door, token(), body="no call").status_code == 400


def test_a_token_opens_once_whatever_came_of_it(open_door: Open) -> None:
    door = open_door()
    assert [call(door, token()).status_code for _ in range(3)] == [200, 401, 401]


def test_a_retry_where_agreed(open_door: Open, capsys: pytest.CaptureFixture[str]) -> None:
    door, sent = open_door({"allow_retry": True}), token()
    assert [call(door, sent).status_code for _ in range(2)] == [200, 200]
    assert call(door, sent, body={**CALL, "hookInstance": "other"}).status_code == 401
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("repeat") for line in lines] == [None, True, None]
    assert [arguments[1].repeats for arguments in door.world.calls] == [
        False,
        True,
    ]  # the caller that the record tells of
    assert lines[2]["refused"] == "replay"


def test_a_preflight_needs_no_token(open_door: Open) -> None:
    door = open_door({"cors_origins": [EHR]}, {"name": "b", "issuer": "b", "cors_origins": ["https://b.example.org"]})
    for path, method in DOORS.items():
        headers = {"Origin": EHR, "Access-Control-Request-Method": method}
        headers |= {"Access-Control-Request-Headers": "authorization"}
        answer = door.client.options(path, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == EHR


def test_browsers_of_all_clients_and_of_the_setting_may_call(open_door: Open) -> None:
    door = open_door({"cors_origins": [EHR]}, {"name": "b", "issuer": "b"}, CDS_CORS_ORIGINS="https://c.example.org")
    for origin, allowed in ((EHR, True), ("https://c.example.org", True), ("https://evil.org", False), ("null", False)):
        answer = call(door, None, Origin=origin)
        assert answer.status_code == 401
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) == allowed
        assert "Origin" in answer.headers["Vary"]


def test_without_origins_no_browser_may_call(open_door: Open) -> None:
    door = open_door()
    assert "Access-Control-Allow-Origin" not in call(door, None, Origin=EHR).headers


def test_each_client_has_its_options(open_door: Open) -> None:
    door = open_door(
        {"selection_behavior": "any", "region": "uk", "shows_drafts": True, "findings_extension": True},
        {"name": "other", "issuer": "https://other.example.org"},
        CDS_REGION="de",
    )
    assert call(door, token(jti="a")).status_code == 200
    assert call(door, token(jti="a", iss="https://other.example.org")).status_code == 200
    first, second = (found[1] for found in door.world.calls)
    assert (first.name, second.name) == ("ehr", "other")
    assert (first.options.selection_behavior, first.options.region) == ("any", "uk")
    assert (first.options.shows_drafts, first.options.findings_extension) == (True, True)
    assert (second.options.selection_behavior, second.options.region) == (None, "de")
    assert (second.options.shows_drafts, second.options.findings_extension) == (False, False)
    assert {first.options.service_url, second.options.service_url} == {BASE}


def test_too_many_calls_of_one_client_leave_the_others_alone(open_door: Open) -> None:
    door = open_door(
        {}, {"name": "other", "issuer": "https://other.example.org", "rate_per_minute": 1}, CDS_RATE_LIMIT="3"
    )
    assert [call(door, token(jti=str(number))).status_code for number in range(4)] == [200, 200, 200, 429]
    answer = call(door, token(jti="4"))
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert json.loads(answer.data)["issue"][0]["code"] == "throttled"
    other = [call(door, token(jti=str(number), iss="https://other.example.org")).status_code for number in range(2)]
    assert other == [200, 429]
    # A copied token is refused as such, and takes no call away from its client.
    assert call(open_door(CDS_RATE_LIMIT="3"), None).status_code == 401


@pytest.mark.parametrize("path", DOORS)
def test_the_rate_stands_at_every_door(open_door: Open, path: str) -> None:
    door = open_door({"rate_per_minute": 2, "cors_origins": [EHR]})
    answers = [call(door, token(path, str(number)), path, Origin=EHR) for number in range(3)]
    assert [answer.status_code < 300 for answer in answers] == [True, True, False]
    assert (answers[2].status_code, answers[2].headers["Access-Control-Allow-Origin"]) == (429, EHR)
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert json.loads(answers[2].data)["issue"][0]["code"] == "throttled"


def test_the_rate_is_one_for_all_doors(open_door: Open) -> None:
    door = open_door(CDS_RATE_LIMIT="3")
    found = [call(door, token(path, path), path).status_code for path in DOORS]
    assert [*found, call(door, token(jti="last")).status_code] == [200, 200, 204, 429]


def test_one_client_does_not_hold_all_places(open_door: Open) -> None:
    other = {"name": "other", "issuer": "https://other.example.org"}
    door = open_door({}, other, CDS_MAX_IN_FLIGHT="4", CDS_MAX_IN_FLIGHT_PER_CLIENT="2")
    go_on, working = threading.Event(), threading.Semaphore(0)

    def respond(*arguments: Any) -> StubAnswer:
        if arguments[1].name == "ehr":
            arguments[-1].rest()  # it waits, and does not compute
            working.release()
            assert go_on.wait(20)
        return StubAnswer()

    door.world.respond = respond
    app = door.client.application

    def knock(jti: str, **said: object) -> int:
        return call(Door(app.test_client(), door.world, door.journal), token(jti=jti, **said)).status_code

    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(knock, jti) for jti in ("a", "b")]
        assert all(working.acquire(timeout=20) for _ in held)
        assert [knock("c"), knock("d", iss=other["issuer"])] == [429, 200]
        go_on.set()
        assert [one.result() for one in held] == [200, 200]
    assert knock("c") == 200  # a call refused for its share has not used its token up


def test_a_noisy_client_takes_no_calls_of_another(open_door: Open) -> None:
    door = open_door({}, {"name": "other", "issuer": "https://other.example.org"}, CDS_RATE_LIMIT="5")
    noisy = [call(door, token(jti=f"noise {number}")).status_code for number in range(50)]
    assert (noisy[:5], set(noisy[5:])) == ([200] * 5, {429})
    quiet = [call(door, token(jti=f"quiet {n}", iss="https://other.example.org")).status_code for n in range(5)]
    assert quiet == [200] * 5


def test_copies_take_no_calls_away(open_door: Open) -> None:
    door = open_door(CDS_RATE_LIMIT="2")
    assert call(door, token(jti="a")).status_code == 200
    assert [call(door, token(jti="a")).status_code for _ in range(5)] == [401] * 5
    assert call(door, token(jti="b")).status_code == 200


def test_without_any_store_the_answer_is_an_honest_503(
    open_door: Open, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    door = open_door()

    def down(*_: object) -> None:
        raise StoreDown("disk full")

    monkeypatch.setattr(door.client.application.extensions["gate"].replay, "spend", down)
    answer = call(door, token())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert json.loads(answer.data)["issue"][0]["code"] == "transient"
    assert json.loads(capsys.readouterr().err)["refused"] == "Unavailable"
    assert call(door, token(aud=BASE)).status_code == 401


def test_the_log_names_the_client_and_never_the_token(open_door: Open, capsys: pytest.CaptureFixture[str]) -> None:
    door, sent = open_door(), token()
    call(door, sent)
    call(door, sent)
    call(door, "Bearer {}")
    said = capsys.readouterr().err
    lines = [json.loads(line) for line in said.splitlines()]
    assert [(line.get("client"), line.get("refused")) for line in lines] == [
        ("ehr", None), (None, "replay"), (None, "form"),
    ]  # fmt: skip
    assert sent.split(".")[1] not in said
    assert key_pair("ES384")["kid"] not in said


def test_state_and_landing_page_need_no_token(open_door: Open) -> None:
    door = open_door()
    for path in ("/livez", "/readyz", "/version", "/openapi.json"):
        assert door.client.get(path).status_code == 200
    passed_on = door.client.get("/readyz?verbose", headers={"X-Forwarded-For": "192.0.2.1"}).json
    assert passed_on == {"status": "ready"}  # a proxy on this machine asks for somebody else
    ready = door.client.get("/readyz?verbose").json
    assert ready["reported"] == ["replay: memory of this worker, 0 tokens"]
    page = door.client.get("/").text
    assert "needs a token" in page
    assert "synthetic" not in page


def test_discovery_is_private(open_door: Open) -> None:
    answer = call(open_door(), token("/cds-services"), "/cds-services")
    assert answer.headers["Cache-Control"] == "private, no-cache"


def test_a_production_service_without_a_gate_is_not_built(tmp_path: Path) -> None:
    settings = Settings.load({
        "CDS_PROFILE": "production", "CDS_BASE_URL": BASE, "CDS_CLIENTS_FILE": str(write_clients(tmp_path)),
    })  # fmt: skip
    journal, world = Journal(tmp_path), World()
    library: Any = StubLibrary()
    with pytest.raises(LookupError):
        create_app(settings, library, journal, lambda: MOMENT, world.answer, world.take_feedback)
    journal.close()


def test_the_sandbox_asks_for_no_token_but_knows_its_clients(
    open_door: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    door = open_door({"region": "de"}, CDS_PROFILE="sandbox")
    sent = token()
    for authorization in (None, "Bearer x", sent, sent, token(jti="x", exp=NOW - 1000, iat=NOW - 2000)):
        assert call(door, authorization).status_code == 200
    assert [found[1].name for found in door.world.calls] == ["sandbox", "sandbox", "ehr", "sandbox", "sandbox"]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("refused") for line in lines] == ["header", "form", None, "replay", "exp"]


def test_audiences_are_those_of_the_routes(open_door: Open) -> None:
    assert client().issuer == EHR
    assert AUDIENCE == BASE + PATH
    door = open_door(CDS_BASE_URL=BASE + "/prefix")
    said = claims(aud=BASE + "/prefix" + PATH, iat=NOW, exp=NOW + 60)
    assert call(door, "Bearer " + sign(said, key_pair("RS384"))).status_code == 200
    assert call(door, token()).status_code == 401
