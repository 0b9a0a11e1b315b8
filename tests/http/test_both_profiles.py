"""What is answered in the sandbox is answered in production too, word for word, to a caller who proves who calls."""

import re
from typing import Any

import pytest

from cds_service.audit import tail
from cds_service.knowledge.library import Library
from tests.fhir.fhir_samples import prefetch
from tests.fhir.test_prefetch_values import WORTH
from tests.fixtures.people import NOW, PEOPLE
from tests.profiles import PROFILES, Opened, open_application
from tests.trust.issuing import BASE

VIEW = "/cds-services/cramp-patient-view"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Both = dict[str, Opened]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Any:
    opened = {
        profile: open_application(profile, tmp_path_factory.mktemp(profile), library, lambda: NOW)
        for profile in PROFILES
    }
    yield opened
    for one in opened.values():
        one.close()


def told(opened: Opened, path: str, call: object) -> tuple[int, str]:
    """Status and body, without what is new or configured: uuids, and the address the service is known under."""
    answer = opened.app.test_client().post(path, json=call)
    return answer.status_code, UUID.sub("uuid", answer.text).replace(BASE, "http://127.0.0.1:8080")


def test_production_really_asks_for_a_token(both: Both) -> None:
    call = PEOPLE[0].request
    path = f"/cds-services/cramp-{call['hook']}"
    for header in ("", "Bearer x"):
        answers = [
            both[profile].app.test_client().post(path, json=call, headers={"Authorization": header})
            for profile in PROFILES
        ]
        assert [answer.status_code for answer in answers] == [200, 401]


def test_both_profiles_say_the_same_of_every_patient(both: Both) -> None:
    for person in PEOPLE:
        path = f"/cds-services/cramp-{person.request['hook']}"
        sandbox, production = (told(both[profile], path, person.request) for profile in PROFILES)
        assert sandbox == production, person.name


@pytest.mark.parametrize(("value", "word", "state"), WORTH)
def test_a_prefetch_value_is_worth_the_same(both: Both, value: Any, word: str, state: str) -> None:
    call = {
        "hook": "patient-view",
        "hookInstance": "0f3d1c5e-8a61-4c0e-9c0b-3d0a52f4b7e1",
        "context": {"userId": "Practitioner/1", "patientId": "p1"},
        "prefetch": prefetch(conditions=value),
    }
    sandbox, production = (told(both[profile], VIEW, call) for profile in PROFILES)
    assert sandbox == production
    for profile in PROFILES:
        (record,) = tail(both[profile].folder, 1).records
        assert (record["prefetch"]["conditions"], record["facts"]["sections"]["conditions"]) == (word, state)
