"""Suggestions name the order they act on, at a length that every client shows, and each deed once."""

import pytest

from cds_service.caller import ClientOptions
from cds_service.chart import Chart
from cds_service.decide import decide
from cds_service.hooks import Card
from cds_service.knowledge.library import Library
from tests.decide.test_decision import ID
from tests.knowledge.charts import ago, chart, order, reason, result

OPTIONS = ClientOptions(shows_drafts=True)


def answered(found: Chart, library: Library) -> list[Card]:
    return list(decide(found, library, OPTIONS, "order-sign", ID).cards)


def deletions(card: Card) -> dict[str, str | None]:
    """Label and target of every suggestion that removes an order."""
    return {one.label: act.resource_id for one in card.suggestions for act in one.actions if act.type == "delete"}


def test_the_partner_that_is_being_ordered_is_the_one_to_remove(library: Library) -> None:
    taken = order("baclofen", "taken", library, route="oral", started=ago(60))
    draft = order("oxycodone", "draft", library, name="oxycodone 5 mg tablet")
    (card,) = answered(chart(medications=(taken, draft)), library)
    assert deletions(card) == {"Remove the order for oxycodone 5 mg tablet": "MedicationRequest/oxycodone-draft"}


def test_findings_of_one_draft_offer_its_removal_once(library: Library) -> None:
    """Cramps, the low potassium and the interaction all say so."""
    taken = order("warfarin", "taken", library, started=ago(60))
    draft = order("quinine", "draft", library, route="oral", reasons=(reason("muscle-cramp"),))
    card = answered(chart(medications=(taken, draft), labs=[result("potassium", 2.9)]), library)[0]
    assert deletions(card) == {"Remove the order for quinine": "MedicationRequest/quinine-draft"}


def test_two_drafts_on_one_card_are_told_apart(library: Library) -> None:
    """The card that corrects potassium before a cramp medicine takes in the diuretic's own."""
    cramp = order("tizanidine", "draft", library, route="oral", reasons=(reason("muscle-cramp"),))
    diuretic = order("hydrochlorothiazide", "draft", library, route="oral")
    cards = answered(chart(medications=(cramp, diuretic), labs=[result("potassium", 2.9)]), library)
    removed = [deletions(card) for card in cards]
    assert {label: target for found in removed for label, target in found.items()} == {
        "Remove the order for tizanidine": "MedicationRequest/tizanidine-draft",
        "Remove the order for hydrochlorothiazide": "MedicationRequest/hydrochlorothiazide-draft",
    }
    assert any(len(found) == 2 for found in removed)


@pytest.mark.parametrize("length", [79, 80, 120, 300])
def test_a_long_name_leaves_the_deed_readable(length: int, library: Library) -> None:
    draft = order("quinine", "draft", library, name="Q" * length, route="oral", reasons=(reason("muscle-cramp"),))
    (card,) = answered(chart(medications=(draft,)), library)
    (label,) = deletions(card)
    assert len(label) <= 100
    assert label.startswith("Remove the order for Q")


def test_a_partner_that_is_taken_already_is_not_removed(library: Library) -> None:
    """Whatever the order of the list, and the same for a revision in place and a new order that repeats."""
    baclofen = order("baclofen", "taken", library, route="oral", started=ago(60))
    running = order("oxycodone", "taken", library, started=ago(60))
    for reference in ("MedicationRequest/oxycodone-draft", running.reference):
        draft = order("oxycodone", "draft", library, reference=reference)
        found = decide(chart(medications=(baclofen, running, draft)), library, OPTIONS, "order-sign", ID)
        assert [deletions(card) for card in found.cards] == [{}]
        assert any("not known to start its medicine" in why for why in found.left_out)


def test_where_the_list_is_partial_nobody_knows_what_is_a_start(library: Library) -> None:
    baclofen = order("baclofen", "taken", library, route="oral", started=ago(60))
    draft = order("oxycodone", "draft", library)
    found = chart(medications=(baclofen, draft), sections={"medications": "partial"})
    assert all(not deletions(card) for card in answered(found, library))


def test_a_partner_with_something_new_in_it_is_a_start(library: Library) -> None:
    baclofen = order("baclofen", "taken", library, route="oral", started=ago(60))
    classes = library.references.classes_of["oxycodone"]
    running = order("acetaminophen", "taken", library)
    both = order("oxycodone", "draft", library, ingredients=("acetaminophen", "oxycodone"), classes=classes)
    (card,) = answered(chart(medications=(baclofen, running, both)), library)
    assert len(deletions(card)) == 1


def test_which_of_two_drafts_of_the_partner_goes_is_not_ours_to_choose(library: Library) -> None:
    baclofen = order("baclofen", "taken", library, route="oral", started=ago(60))
    two = [order("oxycodone", "draft", library, reference=f"MedicationRequest/{own}") for own in "ab"]
    found = decide(chart(medications=(baclofen, *two)), library, OPTIONS, "order-sign", ID)
    assert [deletions(card) for card in found.cards] == [{}]
    assert any("which one to remove" in why for why in found.left_out)


def test_something_new_beside_the_partner_makes_it_no_start(library: Library) -> None:
    """Oxycodone goes on; that paracetamol comes with it now is nothing baclofen speaks of."""
    baclofen = order("baclofen", "taken", library, route="oral", started=ago(60))
    running = order("oxycodone", "taken", library, started=ago(60))
    classes = library.references.classes_of["oxycodone"]
    both = order("oxycodone", "draft", library, ingredients=("acetaminophen", "oxycodone"), classes=classes)
    found = chart(medications=(baclofen, running, both))
    assert [deletions(card) for card in answered(found, library)] == [{}]
