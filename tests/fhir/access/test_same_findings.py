"""The same patient by prefetch, by fetch, or by some of each: the same cards; and the token is nowhere."""

import logging
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.audit import tail
from cds_service.hooks import read_request
from cds_service.knowledge.library import Library
from cds_service.simulation.fixtures import Fixture
from tests.fhir.access.fhir_servers import TOKEN, Server, answer, served
from tests.fhir.access.whole_service import Json, asking, encoded, service_that_asks, told
from tests.fixtures.people import NOW, PEOPLE, name_of

pytestmark = pytest.mark.loopback

SECTION_OF = {
    "Patient": "patient",
    "MedicationRequest": "medications",
    "Observation": "observations",
    "Condition": "conditions",
    "AllergyIntolerance": "allergies",
}
KIND_OF = {section: kind for kind, section in SECTION_OF.items()}
SECTIONS = sorted(KIND_OF)
WHOLE = [person for person in PEOPLE if set(SECTIONS) <= person.request.get("prefetch", {}).keys()]
REFERRING = [
    person
    for person in WHOLE
    if any(
        entry["resource"]["resourceType"] == "Medication"
        for entry in (person.request["prefetch"]["medications"] or {}).get("entry", [])
    )
]
Asked = tuple[FlaskClient, Server]


class Paging(NamedTuple):
    """How an EHR pages: so many entries at a time, `mixed` by a seed; where it sends what the matches refer to."""

    size: int = 200
    referred: Literal["anywhere", "with every page", "by itself"] = "anywhere"
    mixed: int | None = None


@pytest.fixture(scope="module")
def ehr() -> Iterator[Server]:
    with served(lambda connection, _: None) as server:
        yield server


@pytest.fixture(scope="module")
def asked(ehr: Server, library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with service_that_asks(ehr.base, library, tmp_path_factory.mktemp("asking"), NOW) as client:
        yield client, ehr


def pages(base: str, kind: str, held: Json, paging: Paging) -> list[Json]:
    """What is held under one key as the pages of a search, the last of them with the links that it has."""
    entries = list(held.get("entry", []))
    beside = [entry for entry in entries if entry["resource"]["resourceType"] != kind]
    if paging.referred != "anywhere":
        entries = [entry for entry in entries if entry not in beside]
    # Of a part only the newest results are known to be the newest: those stay in the order of time.
    if paging.mixed is not None and not held.get("link"):
        Random(paging.mixed).shuffle(entries)
    size = max(paging.size, -(-len(entries) // 5), 1)
    with_each = beside if paging.referred == "with every page" else []
    starts = range(0, max(len(entries), 1), size)
    return [
        {**held, "entry": [*entries[start : start + size], *with_each]}
        | ({"link": [{"relation": "next", "url": f"{base}/{kind}?page={place}"}]} if place < len(starts) else {})
        for place, start in enumerate(starts, 1)
    ]


def behave(server: Server, request: Json, paging: Paging) -> None:
    """Answer as an EHR would that holds this prefetch."""
    prefetch = request["prefetch"]

    def serve(connection: socket.socket, path: str) -> None:
        parts = urlsplit(path)
        kind, _, name = parts.path.removeprefix("/fhir/").partition("/")
        if kind == "Medication":
            return read(connection, name)
        held = prefetch[SECTION_OF[kind]] or {"resourceType": "Bundle"}
        place = int(parse_qs(parts.query).get("page", ["0"])[0])
        found = held if kind == "Patient" else pages(server.base, kind, held, paging)[place]
        return answer(connection, encoded(found))

    def read(connection: socket.socket, name: str) -> None:
        for entry in (prefetch["medications"] or {}).get("entry", []):
            if entry["resource"]["resourceType"] == "Medication" and entry["resource"].get("id") == name:
                return answer(connection, encoded(entry["resource"]))
        return answer(connection, b"no such thing", "404 Not Found")

    server.serve = serve


def begun(request: Json, base: str, sections: Iterable[str], paging: Paging) -> Json:
    """The same call with no more than the first of several pages under these keys."""
    prefetch = dict(request["prefetch"])
    for section in set(sections) - {"patient"}:
        found = pages(base, KIND_OF[section], prefetch[section] or {"resourceType": "Bundle"}, paging)
        if len(found) > 1:
            prefetch[section] = found[0]
    return {**request, "prefetch": prefetch}


def readable(request: Json) -> bool:
    """Whether each order points to its Medication by an address that a server can be asked for."""
    orders = [entry["resource"] for entry in (request["prefetch"]["medications"] or {}).get("entry", [])]
    pointers = [order["medicationReference"]["reference"] for order in orders if "medicationReference" in order]
    return len(pointers) <= 10 and all(pointer.startswith("Medication/") for pointer in pointers)


@pytest.mark.parametrize("person", WHOLE, ids=name_of)
def test_everybody_is_judged_alike_by_prefetch_and_by_small_pages_of_a_server(asked: Asked, person: Fixture) -> None:
    client, ehr = asked
    behave(ehr, person.request, Paging(1))
    fetched = told(client, asking(person.request, ehr.base, SECTIONS))
    assert fetched == told(client, asking(person.request, ehr.base, ()))


PAGINGS = st.builds(
    Paging,
    st.integers(1, 200),
    st.sampled_from(["anywhere", "with every page", "by itself"]),
    st.none() | st.integers(0, 1000),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(WHOLE) | st.sampled_from(REFERRING),
    st.sets(st.sampled_from(SECTIONS)),
    st.sets(st.sampled_from(SECTIONS)),
    PAGINGS,
)
def test_the_way_the_data_came_changes_no_card(
    asked: Asked, person: Fixture, lacking: set[str], begins: set[str], paging: Paging
) -> None:
    client, ehr = asked
    request = person.request
    if paging.referred == "by itself" and not readable(request):
        paging = paging._replace(referred="anywhere")
    behave(ehr, request, paging)
    call = asking(begun(request, ehr.base, begins, paging), ehr.base, lacking)
    assert told(client, call) == told(client, asking(request, ehr.base, ()))


@pytest.mark.parametrize("referred", ["anywhere", "with every page", "by itself"])
def test_a_medicine_has_its_own_name_wherever_its_resource_comes(
    asked: Asked, referred: Literal["anywhere", "with every page", "by itself"]
) -> None:
    """Orders on the first page, on the second nothing but the Medications they point to."""
    client, ehr = asked
    request = next(person.request for person in WHOLE if person.name == "gwen")
    behave(ehr, request, Paging(4, referred))
    ehr.asked.clear()
    fetched = told(client, asking(request, ehr.base, {"medications"}))
    assert len(ehr.asked) == {"anywhere": 2, "with every page": 1, "by itself": 5}[referred]
    assert fetched == told(client, asking(request, ehr.base, ()))
    assert fetched


def test_a_part_of_the_results_is_a_part_however_it_came(asked: Asked) -> None:
    """The next page lies outside the base: it is not asked for, and both ways say so in the same words."""
    client, ehr = asked
    request = next(person.request for person in WHOLE if person.name == "zeno")
    behave(ehr, request, Paging())
    cards = told(client, asking(request, ehr.base, {"observations"}))
    assert cards == told(client, asking(request, ehr.base, ()))
    assert any("names an address that may not be asked" in card["detail"] for card in cards)


def test_the_token_is_nowhere(
    ehr: Server, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    request = WHOLE[0].request
    call = asking(request, ehr.base, SECTIONS)
    with service_that_asks(ehr.base, library, tmp_path, NOW) as client:
        behave(ehr, request, Paging())
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
