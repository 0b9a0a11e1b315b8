"""cramps-nonpharm is silent beside every other card of patient-view, whatever cards are added."""

from cds_service.knowledge.library import Library

SECTION = "cramp-associated-drugs"


def test_it_yields_to_every_other_card_of_the_hook(library: Library) -> None:
    cards = {card.id: card for card in library.cards if "patient-view" in card.hooks}
    last = cards.pop("cramps-nonpharm")
    others = {name for name, card in cards.items() if card.about.subject != "gaps"} - {SECTION}
    assert last.merge.yields_to == others
