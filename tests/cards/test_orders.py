"""The orders that cards propose: legal FHIR R4, each of them used, and none of them a medicine without a gate."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.knowledge.card import Card
from cds_service.knowledge.library import Library
from cds_service.simulation import proof
from cds_service.simulation.vignettes import read_vignettes
from cds_service.terminology import Coding
from tests.conftest import CARDS

FILES = sorted((CARDS / "shared" / "orders").glob("*.json"))
FILLED = {
    "patient": "Patient/p1",
    "order": "MedicationRequest/o1",
    "condition": "Condition/c1",
    "today": "2026-06-15",
    "in 7 days": "2026-06-22",
    "in 14 days": "2026-06-29",
    "in 21 days": "2026-07-06",
    "dose.from.plus.10": 20,
}
DRAFT = {
    "resourceType": "MedicationRequest",
    "id": "o1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "medicationCodeableConcept": {"text": "some medicine"},
}
Json = dict[str, Any]


def filled(value: object) -> object:
    """A template with every placeholder filled; one that this test does not know is an error."""
    if isinstance(value, Mapping):
        return {key: filled(part) for key, part in value.items()}
    if isinstance(value, list):
        return [filled(part) for part in value]
    if not isinstance(value, str):
        return value
    alone = re.fullmatch(r"\{\{(.+?)\}\}", value)
    return FILLED[alone[1]] if alone else re.sub(r"\{\{(.+?)\}\}", lambda found: str(FILLED[found[1]]), value)


def resource_of(file: Path) -> Json:
    """The resource a client would get: the order itself, or a draft with the edit's members in place of its own."""
    template = json.loads(file.read_text())
    found = {**DRAFT, **template["edit"]} if "edit" in template else template
    answer = filled(found)
    assert isinstance(answer, dict)
    return answer


def name_of(file: Path) -> str:
    return file.stem


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_an_order_is_legal_r4(file: Path) -> None:
    resource = resource_of(file)
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_an_order_is_only_a_proposal_about_the_patient(file: Path) -> None:
    template = json.loads(file.read_text())
    if "edit" in template:
        changed = set(template["edit"])
        assert changed <= {"dosageInstruction", "dispenseRequest"}, "an edit changes dose and supply, nothing else"
        return
    assert (template["status"], template["intent"]) == ("draft", "proposal")
    subject = template["for" if template["resourceType"] == "Task" else "subject"]
    assert subject == {"reference": "{{patient}}"}


def test_every_order_is_used_by_a_card() -> None:
    named = re.compile(r"^\s*(?:create|edit): ([a-z0-9-]+)$", re.MULTILINE)
    used: set[str] = set()
    for card in CARDS.glob("*/*/card.yaml"):
        used |= set(named.findall(card.read_text()))
    assert sorted(name_of(file) for file in FILES) == sorted(used)


def test_a_gate_stands_before_every_medicine_that_a_card_may_start(library: Library) -> None:
    medicines = [resource for resource in map(resource_of, FILES) if "medicationCodeableConcept" in resource]
    started = [resource for resource in medicines if resource["intent"] == "proposal"]
    assert started
    for resource in started:
        concept = resource["medicationCodeableConcept"]
        codings = [Coding(part["system"], part["code"], part.get("display", "")) for part in concept.get("coding", ())]
        classes = library.terms.drug(codings, concept.get("text", "")).classes
        assert library.references.gates_for(classes), concept


def cards_of_every_region(library: Library) -> Iterator[Card]:
    for cards in library.regions.values():
        yield from cards


def test_an_edit_is_only_offered_for_the_medicine_it_is_written_for(library: Library) -> None:
    """The name of an edit begins with its medicine, and the card is about that medicine alone."""
    edits = {offer.order.name: card for card in cards_of_every_region(library) for offer in card.offers
             if offer.kind == "update" and offer.order}  # fmt: skip
    assert edits
    for name, card in edits.items():
        assert card.about.classes == {name.partition("-")[0]}, f"{card.id}: {name}"


def test_what_the_test_people_are_offered_is_legal_r4(library: Library) -> None:
    seen: set[str] = set()
    for vignette in read_vignettes(CARDS, library.terms, tuple(library.regions)):
        body: Json = proof.answer(proof.prepare(vignette, library), library)
        for card in body["cards"]:
            for resource in resources(card):
                text = json.dumps(resource, sort_keys=True)
                if text not in seen:
                    seen.add(text)
                    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    assert len(seen) > 20


def resources(card: Json) -> Iterator[Json]:
    for suggestion in card.get("suggestions", ()):
        for action in suggestion["actions"]:
            if "resource" in action:
                yield action["resource"]
