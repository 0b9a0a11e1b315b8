"""Every test patient of every card, through the real HTTP path."""

import json

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from cds_service.knowledge.library import Library
from cds_service.simulation.vignettes import CLOCK, Vignette, compare, read_vignettes
from tests.conftest import CARDS, ROOT, OpenService, shipped
from tests.profiles import PROFILES

LIBRARY = shipped()
VIGNETTES = read_vignettes(CARDS, LIBRARY.terms, tuple(LIBRARY.regions))
SCHEMA = Draft202012Validator(json.loads((ROOT / "cds_service/hooks/schemas/response.schema.json").read_text()))


@pytest.fixture(scope="module", params=PROFILES)
def clients(open_service: OpenService, library: Library, request: pytest.FixtureRequest) -> dict[str, FlaskClient]:
    return {region: open_service(CLOCK, region, profile=request.param) for region in library.regions}


def name_of(vignette: Vignette) -> str:
    return f"{vignette.card}: {vignette.name}"


@pytest.mark.parametrize("vignette", VIGNETTES, ids=name_of)
def test_a_vignette_is_answered_as_it_says(vignette: Vignette, clients: dict[str, FlaskClient]) -> None:
    answer = clients[vignette.region].post(f"/cds-services/{vignette.service_id}", json=vignette.request)
    body = answer.get_json() if answer.status_code == 200 else {"cards": []}
    assert answer.status_code in (200, 412), answer.get_data(as_text=True)
    assert compare(vignette, body) == []
    if answer.status_code == 200:
        assert list(SCHEMA.iter_errors(body)) == []


def test_every_card_fires_and_stays_silent() -> None:
    for card in LIBRARY.cards:
        findings = [v.expect.finding for v in VIGNETTES if v.card == card.id]
        assert sum(finding != "none" for finding in findings) >= 2, card.id
        assert sum(finding == "none" for finding in findings) >= 2 or card.about.subject == "gaps", card.id
