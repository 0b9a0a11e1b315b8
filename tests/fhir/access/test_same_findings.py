"""The same patient by prefetch, by fetch, or by some of each: the same cards; and the token is nowhere."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.audit import tail
from cds_service.hooks import read_request
from cds_service.knowledge.library import Library
from tests.fhir.access.fhir_servers import TOKEN, Server, answer, served
from tests.fhir.access.whole_service import Json, asking, encoded, service_that_asks, told
from tests.fixtures.people import NOW, PEOPLE

pytestmark = pytest.mark.loopback

SECTION_OF = {
    "Patient": "patient",
    "MedicationRequest": "medications",
    "Observation": "observations",
    "Condition": "conditions",
    "AllergyIntolerance": "allergies",
}


def _paged(person: Json) -> bool:
    """Whether a page of the prefetch says that more follows elsewhere: what is not there cannot be fetched alike."""
    bundles = [value for value in person["prefetch"].values() if value]
    return any(link.get("relation") == "next" for bundle in bundles for link in bundle.get("link", ()))


WHOLE = [
    person
    for person in PEOPLE
    if set(SECTION_OF.values()) <= person.request.get("prefetch", {}).keys() and not _paged(person.request)
]
Asked = tuple[FlaskClient, Server]


@pytest.fixture(scope="module")
def ehr() -> Iterator[Server]:
    with served(lambda connection, _: None) as server:
        yield server


@pytest.fixture(scope="module")
def asked(ehr: Server, library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with service_that_asks(ehr.base, library, tmp_path_factory.mktemp("asking"), NOW) as client:
        yield client, ehr


def behave(server: Server, request: Json, page: int) -> None:
    """Answer as an EHR would that holds this prefetch, `page` matches at a time, each page with what it refers to."""

    def serve(connection: socket.socket, path: str) -> None:
        parts = urlsplit(path)
        kind = parts.path.removeprefix("/fhir/").split("/")[0]
        held = request["prefetch"][SECTION_OF[kind]]
        everything = (held or {}).get("entry", [])
        entries = [entry for entry in everything if entry.get("resource", {}).get("resourceType") == kind]
        beside = [entry for entry in everything if entry not in entries]
        if kind == "Patient" or len(entries) <= page:
            found = held if held is not None else {"resourceType": "Bundle"}
            return answer(connection, encoded({**found}))
        start = int(parse_qs(parts.query).get("start", ["0"])[0])
        link = [{"relation": "next", "url": f"{server.base}/{kind}?start={start + page}"}]
        more = {"link": link} if start + page < len(entries) else {}
        answer(connection, encoded({**held, "entry": [*entries[start : start + page], *beside], "link": [], **more}))

    server.serve = serve


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(WHOLE), st.sets(st.sampled_from(sorted(SECTION_OF.values())), min_size=1), st.integers(4, 200))
def test_the_way_the_data_came_changes_no_card(asked: Asked, person: object, lacking: set[str], page: int) -> None:
    client, ehr = asked
    request = person.request  # type: ignore[attr-defined]
    longest = max(len((value or {}).get("entry", [])) for value in request["prefetch"].values())
    behave(ehr, request, max(page, -(-longest // 5)))
    assert told(client, asking(request, ehr.base, lacking)) == told(client, asking(request, ehr.base, ()))


def test_the_token_is_nowhere(
    ehr: Server, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = WHOLE[0].request
    call = asking(request, ehr.base, SECTION_OF.values())
    with service_that_asks(ehr.base, library, tmp_path, NOW) as client:
        behave(ehr, request, 200)
        whole = client.post(f"/cds-services/cramp-{request['hook']}", json=call)
        ehr.serve = lambda connection, _: connection.close()
        failed = client.post(f"/cds-services/cramp-{request['hook']}", json=call)
    records = tail(tmp_path, 10).records

    assert all(f"Bearer {TOKEN}" in head for head in ehr.heads)
    assert sorted(records[0]["prefetch"].values()) != sorted(records[1]["prefetch"].values())
    assert {state.split("/")[0] for record in records for state in record["prefetch"].values()} == {"fetched"}
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    printed = capsys.readouterr()
    for place in (written, printed.out, printed.err, caplog.text, whole.text, failed.text):
        assert TOKEN not in place
        assert f":{ehr.port}" not in place
    kept = read_request(encoded(call), request["hook"])
    assert kept.access_token == TOKEN
    assert TOKEN not in repr(kept)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "ä", "x" * 20_000, 7, None, ["t"]])
def test_a_token_that_cannot_stand_in_a_header_gives_no_access(token: object) -> None:
    call = asking(WHOLE[0].request, "https://ehr.example.org", ())
    call["fhirAuthorization"]["access_token"] = token
    read = read_request(encoded(call), call["hook"])
    assert read.access_token is None
    assert "fhirAuthorization gives no access" in read.notes
