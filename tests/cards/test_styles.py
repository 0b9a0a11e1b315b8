"""The test patients of every card, coded differently: the answer stays as the vignette says."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from cds_service.knowledge.library import Library
from cds_service.simulation import proof
from cds_service.simulation.vignettes import CLOCK, Vignette, compare, read_vignettes
from cds_service.terminology import read_tables
from cds_service.terminology.names import words
from tests.cards.styles import STYLES, Codes, Style, codes_of, styled
from tests.conftest import CARDS, OpenService


@pytest.fixture(scope="module")
def clients(open_service: OpenService, library: Library) -> dict[str, FlaskClient]:
    return {region: open_service(CLOCK, region) for region in library.regions}


@pytest.fixture(scope="module")
def vignettes(library: Library) -> list[Vignette]:
    return read_vignettes(CARDS, library.terms, tuple(library.regions))


@pytest.fixture(scope="module")
def codes(library: Library) -> Codes:
    return codes_of(read_tables(CARDS / "shared"), library.terms)


def over_http(vignette: Vignette, clients: dict[str, FlaskClient]) -> list[str]:
    answer = clients[vignette.region].post(f"/cds-services/{vignette.service_id}", json=vignette.request)
    assert answer.status_code in (200, 412), answer.get_data(as_text=True)
    return compare(vignette, answer.get_json() if answer.status_code == 200 else {"cards": []})


def faults(changed: list[Vignette], clients: dict[str, FlaskClient], library: Library) -> Iterator[str]:
    """What is answered differently; the first vignette of each card goes the whole way over HTTP."""
    first = {vignette.card: place for place, vignette in reversed(list(enumerate(changed)))}
    for place, vignette in enumerate(changed):
        whole = first[vignette.card] == place
        found = over_http(vignette, clients) if whole else proof.faults(proof.prepare(vignette, library), library)
        yield from (f"{vignette.card}, {vignette.name}: {text}" for text in found)


def restyled(vignette: Vignette, style: Style, codes: Codes) -> Vignette:
    """The vignette in a style; words that name a medicine are expected only where the style keeps its name."""
    expect = vignette.expect
    if style.renames:
        for member in ("summary_contains", "detail_contains"):
            if not codes.terms.ingredients.isdisjoint(words(getattr(expect, member))):
                expect = replace(expect, **{member: ""})
    return replace(vignette, request=styled(vignette.request, style, codes), expect=expect)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_same_people_coded_differently(
    style: Style, vignettes: list[Vignette], codes: Codes, clients: dict[str, FlaskClient], library: Library
) -> None:
    people = [(vignette, restyled(vignette, style, codes)) for vignette in vignettes]
    changed = [other for vignette, other in people if other.request != vignette.request]
    assert len(changed) >= style.least * len(vignettes)
    assert list(faults(changed, clients, library)) == []
