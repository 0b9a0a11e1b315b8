"""The service as a whole, for callers whose FHIR server it may ask."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from cds_service import service
from cds_service.audit import Journal
from cds_service.knowledge.library import Library
from cds_service.settings import Settings
from cds_service.web.app import create_app
from tests.fhir.access.fhir_servers import TOKEN

Json = dict[str, Any]
KINDS = {"Medication", "MedicationRequest", "Observation", "Condition", "AllergyIntolerance", "Patient", "Specimen"}


@contextmanager
def service_that_asks(base: str, library: Library, folder: Path, now: datetime, **more: str) -> Iterator[FlaskClient]:
    journal = Journal(folder)
    told = {"CDS_DATA_DIR": str(folder), "CDS_FHIR_ALLOWED_SERVERS": base, "CDS_FHIR_TIMEOUT_SECONDS": "10"}
    environ = told | more
    app = create_app(Settings.load(environ), library, journal, lambda: now, service.respond, service.take_feedback)
    try:
        yield app.test_client()
    finally:
        journal.close()


def asking(request: Json, base: str, without: Iterable[str]) -> Json:
    """The same call with a token, and without these prefetch keys."""
    left = {key: value for key, value in request["prefetch"].items() if key not in set(without)}
    access = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "cramp-cds",
    }
    return {**request, "prefetch": left, "fhirServer": base, "fhirAuthorization": access}


def told(client: FlaskClient, request: Json) -> list[Json]:
    """The cards of an answer, without what is new in each."""
    answer = client.post(f"/cds-services/cramp-{request['hook']}", json=request)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [
        {name: value for name, value in card.items() if name in ("summary", "detail", "indicator", "extension")}
        for card in answer.get_json()["cards"]
    ]


def resources_of(request: Json) -> list[Json]:
    """Every resource in the prefetch of a call, once each, pointing at each other as they do on a server."""
    found: dict[tuple[str, str], Json] = {}
    own = request["context"]["patientId"]
    names = {f"urn:uuid:{own}": f"Patient/{own}"}
    for value in filter(None, request["prefetch"].values()):
        entries = value.get("entry", ()) if value["resourceType"] == "Bundle" else [{"resource": value}]
        for entry in entries:
            resource = entry["resource"]
            name = resource["resourceType"], resource.get("id", "")
            if name[0] in KINDS:
                found[name] = resource
                names[entry.get("fullUrl", "")] = "/".join(name)
    text = json.dumps(list(found.values()))
    for old, new in names.items():
        text = text.replace(f'"reference": "{old}"', f'"reference": "{new}"')
    resources: list[Json] = json.loads(text)
    return resources


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()
