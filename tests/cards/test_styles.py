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
from tests.cards.styles import STYLES, Codes, Json, Style, codes_of, styled
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
    """The vignette in a style; words that name a medicine are expected only where the style keeps its name.

    A suggestion names the order it acts on as the style does.
    """
    expect, request = vignette.expect, styled(vignette.request, style, codes)
    if style.renames:
        expect = replace(expect, suggestions=relabelled(expect.suggestions, vignette.request, request))
        for member in ("summary_contains", "detail_contains"):
            if not codes.terms.ingredients.isdisjoint(words(getattr(expect, member))):
                expect = replace(expect, **{member: ""})
    return replace(vignette, request=request, expect=expect)


def relabelled(labels: tuple[str, ...] | None, before: Json, after: Json) -> tuple[str, ...] | None:
    """Labels with the names of the drafts as they stand in another style."""
    renamed = dict(zip(draft_names(before), draft_names(after), strict=True))
    return labels and tuple(_renamed(label, renamed) for label in labels)


def _renamed(label: str, renamed: dict[str, str]) -> str:
    acts_on_draft = label.startswith(("Remove the order for ", "Lower ", "Change "))
    old = next((name for name in renamed if acts_on_draft and name in label), "")
    return label.replace(old, renamed[old], 1) if old else label


def draft_names(request: Json) -> list[str]:
    drafts = [entry["resource"] for entry in request["context"].get("draftOrders", {}).get("entry", ())]
    concepts = [draft.get("medicationCodeableConcept", {}) for draft in drafts]
    return [
        one.get("text") or next((part.get("display", "") for part in one.get("coding", ())), "") for one in concepts
    ]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_the_same_people_coded_differently(
    style: Style, vignettes: list[Vignette], codes: Codes, clients: dict[str, FlaskClient], library: Library
) -> None:
    people = [(vignette, restyled(vignette, style, codes)) for vignette in vignettes]
    changed = [other for vignette, other in people if other.request != vignette.request]
    assert len(changed) >= style.least * len(vignettes)
    assert list(faults(changed, clients, library)) == []
