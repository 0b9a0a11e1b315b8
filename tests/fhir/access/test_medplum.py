"""A real FHIR server, end to end: Medplum's router in a process of its own, asked over HTTP."""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from cds_service.audit import tail
from cds_service.knowledge.library import Library
from tests.fhir.access.fhir_servers import TOKEN
from tests.fhir.access.whole_service import Json, asking, encoded, resources_of, service_that_asks, told
from tests.fixtures.people import NOW, PEOPLE

pytestmark = pytest.mark.loopback

NODE = Path(__file__).parents[1] / "node"
SECTIONS = {"patient", "medications", "observations", "conditions", "allergies"}
# Between them they see cards of every group. Not all fixtures can be loaded into a server: some hold what one would
# never send, and this one writes its own time of change into each resource.
NAMES = ("ada", "basil", "calla", "cleo", "flora", "gwen", "kay", "matti", "paula", "ulrike")
WHOLE = [person for person in PEOPLE if person.name in NAMES]
PAGE = 2


@cache
def installed() -> Path:
    """The server with its packages, in a folder that stays from run to run."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}, which is not installed")
    files = sorted(path for path in NODE.iterdir() if path.is_file())
    mark = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"cramp-cds-medplum-{os.getuid()}-{mark}"
    if not (folder / "done").exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        for path in files:
            shutil.copy(path, folder)
        ended = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, timeout=300)
        if ended.returncode:
            pytest.skip("needs node packages that could not be fetched")
        (folder / "done").touch()
    return folder


@contextmanager
def medplum(resources: list[Json]) -> Iterator[str]:
    """The base address of a server that holds these resources."""
    process = subprocess.Popen(
        ["node", "server.mjs"],
        cwd=installed(),
        env={**os.environ, "FHIR_TOKEN": TOKEN, "FHIR_PAGE": str(PAGE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(encoded(resources) + b"\n")
        process.stdin.flush()
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}/fhir"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.terminate()
        process.wait(10)


def test_patients_are_judged_by_what_the_server_holds(library: Library, tmp_path: Path) -> None:
    """Their results come in pages, the Medications of their orders one by one."""
    held = [resource for person in WHOLE for resource in resources_of(person.request)]
    kinds = Counter(
        (person.name, resource["resourceType"]) for person in WHOLE for resource in resources_of(person.request)
    )
    assert {kind for (_, kind), count in kinds.items() if count > PAGE} >= {"MedicationRequest", "Observation"}
    assert any(kind == "Medication" for _, kind in kinds)
    with medplum(held) as base, service_that_asks(base, library, tmp_path, NOW) as client:
        for person in WHOLE:
            fetched = told(client, asking(person.request, base, SECTIONS))
            assert fetched == told(client, asking(person.request, base, ())), person.name
        states = {state for record in tail(tmp_path, 100).records for state in record["prefetch"].values()}
    assert {"fetched/ok", "fetched/empty", "ok"} <= states <= {"fetched/ok", "fetched/empty", "ok", "empty"}


def test_a_token_that_the_server_does_not_know_is_refused(library: Library, tmp_path: Path) -> None:
    person = WHOLE[0]
    with medplum([]) as base, service_that_asks(base, library, tmp_path, NOW) as client:
        call = asking(person.request, base, {"conditions"})
        call["fhirAuthorization"]["access_token"] = "of-somebody-else"
        told(client, call)
        call = asking(person.request, base, {"patient"})
        told(client, call)
        refused, missing = tail(tmp_path, 2).records
    reasons = [{gap["reason"] for gap in record["facts"]["gaps"]} for record in (refused, missing)]
    assert "fetch-refused" in reasons[0]
    assert "fetch-not-found" in reasons[1]
