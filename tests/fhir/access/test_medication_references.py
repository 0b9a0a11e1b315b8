"""Medications that orders only point to: included, read one by one, or missing without harm."""

import json
import socket
import threading
import time
from typing import Any

import pytest

from cds_service.fhir import Gathered, read_chart
from tests.fhir.access.fhir_servers import Server, answer, fetched, served
from tests.fhir.fhir_samples import HCTZ_25, NOW, Json, order, prefetch, request, searchset, terms, without

pytestmark = pytest.mark.loopback


def pointing(reference: str, name: str = "o1", **more: str) -> Json:
    return without(order(name, medicationReference={"reference": reference, **more}), "medicationCodeableConcept")


def medication(name: str) -> Json:
    return {"resourceType": "Medication", "id": name, "code": {"coding": [HCTZ_25]}}


def holding(server: Server, orders: list[Json], medications: dict[str, Any]) -> None:
    def serve(connection: socket.socket, path: str) -> None:
        name = path.removeprefix("/fhir/Medication/")
        if path.startswith("/fhir/MedicationRequest?"):
            answer(connection, json.dumps(searchset(*orders)).encode())
        elif name in medications:
            answer(connection, json.dumps(medications[name]).encode())
        else:
            answer(connection, b"no such thing", "404 Not Found")

    server.serve = serve


def ingredients(found: Gathered) -> list[tuple[str, ...]]:
    chart = read_chart(request({}), found, terms(), NOW)
    return [one.ingredients for one in chart.medications]


def never(connection: socket.socket, _: str) -> None:
    connection.close()


@pytest.mark.parametrize("form", ["Medication/m1", "Medication/m1/_history/3", "{base}/Medication/m1"])
def test_what_was_not_included_is_read(form: str) -> None:
    with served(never) as server:
        holding(server, [pointing(form.replace("{base}", server.base))], {"m1": medication("m1")})
        found = fetched(server.base, prefetch(medications=...))
    assert server.asked[1:] == ["/fhir/Medication/m1"]
    assert ingredients(found) == [("hydrochlorothiazide",)]
    assert not found.gaps


def test_what_was_included_is_not_read_again() -> None:
    with served(never) as server:
        holding(server, [pointing("Medication/m1"), medication("m1")], {})
        found = fetched(server.base, prefetch(medications=...))
    assert len(server.asked) == 1
    assert ingredients(found) == [("hydrochlorothiazide",)]


@pytest.mark.parametrize("fetches", [True, False])
def test_what_was_included_does_not_count_towards_the_total(fetches: bool) -> None:
    held = {**searchset(pointing("Medication/m1"), medication("m1")), "total": 2}
    with served(never) as server:
        server.serve = lambda connection, _: answer(connection, json.dumps(held).encode())
        found = fetched(server.base, prefetch(medications=... if fetches else held))
    assert found.states["medications"] == "partial"
    assert [gap.reason for gap in found.gaps] == ["fetch-incomplete" if fetches else "partial"]
    assert ingredients(found) == [("hydrochlorothiazide",)]


@pytest.mark.parametrize(
    "held",
    [{}, {"m1": medication("m2")}, {"m1": {"resourceType": "Patient", "id": "m1"}}, {"m1": []}, {"m1": "text"}],
    ids=["404", "another", "another type", "a list", "a string"],
)
def test_one_that_cannot_be_had_costs_nothing_else(held: dict[str, Any]) -> None:
    with served(never) as server:
        holding(server, [pointing("Medication/m1"), order("o2")], held)
        found = fetched(server.base, prefetch(medications=...))
    assert found.prefetch["medications"] == "fetched/ok"
    assert ("hydrochlorothiazide",) in ingredients(found)


def test_at_most_ten_are_read() -> None:
    names = [f"m{number}" for number in range(25)]
    with served(never) as server:
        holding(
            server, [pointing(f"Medication/{name}", name) for name in names], {one: medication(one) for one in names}
        )
        fetched(server.base, prefetch(medications=...))
    assert len(server.asked) == 11


def test_at_most_five_are_read_at_once() -> None:
    names = [f"m{number}" for number in range(10)]
    lock, at_once, most = threading.Lock(), 0, 0
    with served(never) as server:
        holding(
            server, [pointing(f"Medication/{name}", name) for name in names], {one: medication(one) for one in names}
        )
        plain = server.serve

        def count(connection: socket.socket, path: str) -> None:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
            time.sleep(0.03)
            with lock:
                at_once -= 1
            plain(connection, path)

        server.serve = count
        found = fetched(server.base, prefetch(medications=...))
    assert most <= 5
    assert ingredients(found) == [("hydrochlorothiazide",)] * 10


def test_of_prefetched_orders_and_drafts_only_the_nameless_are_read() -> None:
    named = pointing("Medication/m1", display="hydrochlorothiazide 25 MG Oral Tablet")
    with served(never) as server:
        holding(server, [], {"m2": medication("m2"), "m3": medication("m3")})
        found = fetched(
            server.base,
            prefetch(medications=searchset(named, pointing("Medication/m2", "o2"))),
            searchset(pointing("Medication/m3", "d1")),
            patient_id="p1",
        )
    assert sorted(server.asked) == ["/fhir/Medication/m2", "/fhir/Medication/m3"]
    assert found.prefetch["medications"] == "ok"
    assert ingredients(found) == [("hydrochlorothiazide",)] * 3
