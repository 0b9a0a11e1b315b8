"""A one-letter slip in any word of the notation is refused with file, line, what was found and what is allowed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cds_service.knowledge.cards import read_card
from cds_service.knowledge.faults import LibraryError
from cds_service.knowledge.library import card_folders
from cds_service.knowledge.orders import check_orders
from cds_service.knowledge.references import OrderTemplate
from cds_service.knowledge.strict_yaml import Document, Steps, read_yaml
from tests.conftest import CARDS, shipped

REFERENCES = shipped().references
REGIONS = ("us", "uk", "de")
# Prose for people: what a typo does there, a reader sees.
PROSE = ("title", "text", "summary", "label", "grade_note", "attributes", "review")


def nodes(value: object, path: Steps = ()) -> Iterator[tuple[Steps, str]]:
    """Every key and every word of a card, but the prose."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), "key"
            yield from nodes(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from nodes(inner, (*path, index))
    elif not any(step in PROSE for step in path) and value is not None:
        yield path, "value"


def misspelt(word: str) -> str:
    """The word with one letter changed."""
    letters = [place for place, letter in enumerate(word) if letter.isalpha()]
    if not letters:
        return word + "x"
    place = letters[len(letters) // 2]
    return word[:place] + ("q" if word[place] != "q" else "x") + word[place + 1 :]


def with_slip(value: object, path: Steps, kind: str) -> object:
    """A copy of a card's value with the slip at `path`."""
    if not path:
        return misspelt(value if isinstance(value, str) else str(value).lower())
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        if not rest and kind == "key":
            return {misspelt(str(key)) if key == head else key: inner for key, inner in value.items()}
        return {key: with_slip(inner, rest, kind) if key == head else inner for key, inner in value.items()}
    assert isinstance(value, list)
    return [with_slip(inner, rest, kind) if index == head else inner for index, inner in enumerate(value)]


def refusal(folder: Path, document: Document, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the loader says of a changed card, in the first region that refuses it; empty when all accept it."""
    monkeypatch.setattr("cds_service.knowledge.cards.read_yaml", lambda path, name: document)
    for region in REGIONS:
        try:
            card = read_card(folder, CARDS, region, REGIONS, REFERENCES)
        except LibraryError as error:
            return str(error)
        named = card.merge.replaces | card.merge.joins | card.merge.yields_to
        if not named <= REFERENCES.catalogue:
            return "card.yaml:1: the card is not one of"
    return ""


@pytest.mark.parametrize("folder", card_folders(CARDS), ids=lambda folder: folder.name)
def test_every_slip_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = read_yaml(folder / "card.yaml", f"{folder.parent.name}/{folder.name}/card.yaml")
    places = list(nodes(document.value))
    assert len(places) > 20
    for path, kind in places:
        slipped = Document(document.file, with_slip(document.value, path, kind), document.lines)
        said = refusal(folder, slipped, monkeypatch)
        assert "card.yaml:" in said, f"{path} ({kind}) was accepted or refused without file and line: {said!r}"


def test_the_sentence_names_what_was_found_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = CARDS / "diuretics" / "diuretic-low-potassium"
    document = read_yaml(folder / "card.yaml", "diuretics/diuretic-low-potassium/card.yaml")
    text = (folder / "card.yaml").read_text()
    line = 1 + text[: text.index("test: potassium")].count("\n")
    value = with_slip(document.value, ("when", "all", 0, "lab", "test"), "value")
    said = refusal(folder, Document(document.file, value, document.lines), monkeypatch)
    assert said.startswith(f"diuretics/diuretic-low-potassium/card.yaml:{line}: ")
    assert 'the lab test "potaqsium" is not one of' in said or 'the lab test "pota' in said
    assert "did you mean potassium" in said


@pytest.mark.parametrize("place", ["orders", "edits"])
def test_a_slip_in_a_placeholder_of_an_order_is_refused(place: str) -> None:
    slipped = {"some-order": OrderTemplate("some-order", {"for": {"reference": "{{pacient}}"}})}
    with pytest.raises(LibraryError, match=r'shared/orders/some-order\.json: the placeholder "pacient" is not one of'):
        check_orders(replace(REFERENCES, **{place: slipped}))


def test_an_order_whose_medicine_is_a_placeholder_is_refused() -> None:
    unnamed = {"some-order": OrderTemplate("some-order", {"medicationCodeableConcept": {"text": "{{drug}}"}})}
    with pytest.raises(LibraryError, match=r"shared/orders/some-order\.json: its medicine must be written out"):
        check_orders(replace(REFERENCES, orders=unnamed))
