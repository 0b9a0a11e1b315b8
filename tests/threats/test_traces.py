"""Threat 21, from outside: of all that a chart says, nothing stays behind; not in a log, not on a disk, not in an error."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.threats.running import FEEDBACK, SIGN, VIEW, Running, Told, person
from tests.threats.test_markup import places, structural

pytestmark = pytest.mark.loopback

CANARIES = [f"zqcanary{number:02d}zq" for number in range(50)]


def marked(call: dict[str, Any], everywhere: bool) -> dict[str, Any]:
    """A canary behind every word of a chart; behind codes and references too, where `everywhere` says so."""
    found = copy.deepcopy(call)
    for number, path in enumerate([path for path in places(found) if everywhere or not structural(path)]):
        home: Any = found
        for step in path[:-1]:
            home = home[step]
        home[path[-1]] = f"{home[path[-1]]} {CANARIES[number % 50]}"
    return {**found, "hook": call["hook"]}


def personal(call: dict[str, Any]) -> dict[str, Any]:
    """The same call with everything that could tell who the patient is, told by canaries."""
    found = copy.deepcopy(call)
    name = CANARIES[0]
    held = json.dumps(found).replace(found["context"]["patientId"], name)
    found = json.loads(held)
    found["context"]["userId"] = f"Practitioner/{CANARIES[1]}"
    found["context"]["encounterId"] = CANARIES[2]
    found["hookInstance"] = CANARIES[3]
    found["fhirServer"] = f"https://{CANARIES[4]}.example.org/fhir"
    found["fhirAuthorization"] = {
        "access_token": CANARIES[5], "token_type": "Bearer", "expires_in": 300, "scope": CANARIES[6], "subject": CANARIES[7],
    }  # fmt: skip
    found["prefetch"]["patient"] |= {
        "identifier": [{"system": f"https://{CANARIES[8]}.example.org", "value": CANARIES[9]}],
        "name": [{"family": CANARIES[10], "given": [CANARIES[11]], "text": CANARIES[12]}],
        "telecom": [{"system": "phone", "value": CANARIES[13]}],
        "address": [{"line": [CANARIES[14]], "city": CANARIES[15], "postalCode": CANARIES[16]}],
        "contact": [{"name": {"text": CANARIES[17]}}],
        "text": {"status": "generated", "div": f"<div>{CANARIES[18]}</div>"},
        "extension": [{"url": f"https://{CANARIES[19]}.example.org", "valueString": CANARIES[20]}],
    }
    found["extension"] = {CANARIES[21]: CANARIES[22]}
    for number, entry in enumerate(entry for held in found["prefetch"].values() for entry in held.get("entry", [])):
        entry["resource"]["note"] = [{"text": CANARIES[23 + number % 20]}]
    return found


def everything_that_may_happen(service: Running, call: dict[str, Any]) -> list[Told]:
    """One call well answered, and each refusal."""
    raw = json.dumps(call).encode()
    query = f"?patient={CANARIES[43]}&name={CANARIES[44]}"
    headers = [
        ("X-Patient", CANARIES[45]),
        ("Referer", f"https://ehr.example.org/{CANARIES[46]}"),
        ("Cookie", CANARIES[47]),
    ]
    view = {**call, "hook": "patient-view"}
    reason = {"reason": {"code": CANARIES[48]}, "userComment": CANARIES[49]}
    entry = {
        "card": CANARIES[0],
        "outcome": "overridden",
        "outcomeTimestamp": "2026-03-01T10:00:00Z",
        "overrideReason": reason,
    }
    return [
        service.ask(SIGN, call),
        service.ask(SIGN + query, call, headers, token=service.token(SIGN)),
        service.ask(VIEW, {**view, "prefetch": {}}),
        service.ask(VIEW, {**view, "prefetch": {"medications": {"resourceType": "OperationOutcome", "issue": [{"diagnostics": CANARIES[3]}]}}}),
        service.ask(SIGN, {**call, "prefetch": dict.fromkeys(call["prefetch"])}),
        service.ask(SIGN, {**call, "fhirAuthorization": {"patient": "somebody-else", "access_token": CANARIES[5]}}),
        service.ask(SIGN, {**call, "context": {**call["context"], "draftOrders": CANARIES[3]}}),
        service.ask(SIGN, {**call, "prefetch": [CANARIES[3]]}),
        service.ask(SIGN, raw[:-20]),
        service.ask(SIGN, raw + b"x"),
        service.ask(SIGN, raw.replace(b'"hook"', b'"context": {"patientId": "x"}, "hook"', 1)),
        service.ask(SIGN, raw.replace(CANARIES[0].encode(), b"\\ud800" + CANARIES[0].encode())),
        service.ask(SIGN, raw.replace(CANARIES[0].encode(), b"\xff" + CANARIES[0].encode())),
        service.ask(SIGN, b"[" * 100 + raw + b"]" * 100),
        service.ask(SIGN, raw + b" " * 9_000_000),
        service.ask(SIGN, raw, [("Content-Encoding", "gzip")]),
        service.ask(SIGN, raw, [("Content-Type", "text/plain")]),
        service.ask(SIGN, raw, token=None),
        service.ask(SIGN, raw, [("Authorization", f"Bearer {CANARIES[5]}.{CANARIES[6]}.{CANARIES[7]}")]),
        service.ask(SIGN, raw, token=service.token(SIGN, sub=CANARIES[40], jti=CANARIES[41] + "x", aud="x")),
        service.ask(f"/cds-services/{CANARIES[42]}", raw),
        service.ask(f"/{CANARIES[42]}", raw),
        service.ask(SIGN, raw, method="PUT"),
        service.ask(FEEDBACK, {"feedback": [entry]}),
        service.ask(FEEDBACK, {"feedback": [{**entry, "overrideReason": {"userComment": CANARIES[49] * 200}}]}),
        service.ask(FEEDBACK, {"feedback": {CANARIES[0]: CANARIES[1]}}),
    ]  # fmt: skip


def left_behind(folder: Path) -> dict[str, bytes]:
    """Every file of the service: its records, its store of tokens, what it printed, its temporary files."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_of_a_chart_stays_behind(service: Running) -> None:
    call = person("bela")
    told = [one for sent in (marked(call, False), personal(call)) for one in everything_that_may_happen(service, sent)]
    # A sentence may quote to its sender the word that is wrong (a hook, a resourceType), never one of the chart.
    for one in told:
        assert one.status < 400 or b"zqcanary" not in one.body.lower(), one.body
    told += everything_that_may_happen(service, marked(call, True))
    statuses = {one.status for one in told}
    assert statuses >= {200, 204, 400, 401, 404, 405, 412, 413, 415}
    assert not any(status >= 500 for status in statuses)

    files = left_behind(service.folder)
    assert {"printed", "clients.yaml"} < set(files)
    assert sum(len(held) for name, held in files.items() if name.startswith("data/")) > 10_000
    assert [name for name, held in files.items() if b"zqcanary" in held.lower()] == []
    assert [name for name in files if name.startswith("temporary/")] == []
    assert [one.headers for one in told if "zqcanary" in json.dumps(one.headers).lower()] == []
