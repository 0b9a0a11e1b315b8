"""A card never opens with the words of a finding that is less grave than one of its sections."""

import pytest

from cds_service.caller import ClientOptions
from cds_service.decide import Decision, decide
from cds_service.decide.decision import RANK
from cds_service.knowledge.library import Library
from cds_service.simulation.proof import Prepared, prepare
from cds_service.simulation.vignettes import read_vignettes
from tests.conftest import CARDS
from tests.decide.test_decision import ID
from tests.knowledge.charts import ago, chart, order, reason, result

# Head and section whose pair of levels a wording of the head names in its own words: read by a person, one by one.
SPOKEN_FOR = {
    ("diuretic-low-potassium", "diuretic-low-sodium"),
    ("diuretic-low-potassium", "diuretic-low-magnesium"),
    ("quinine-longterm-review", "quinine-qt-risk"),
}


@pytest.fixture(scope="module")
def prepared(library: Library) -> list[Prepared]:
    return [prepare(one, library) for one in read_vignettes(CARDS, library.terms, tuple(library.regions))]


def decided(one: Prepared, library: Library) -> Decision:
    return decide(one.chart, library, ClientOptions(shows_drafts=True, region=one.vignette.region), one.hook, ID)


def test_no_card_of_any_test_patient_opens_with_lesser_words(prepared: list[Prepared], library: Library) -> None:
    """Where a section is graver the detail opens with the head's summary, so it cannot be the card's own."""
    seen = 0
    for one in prepared:
        decision = decided(one, library)
        for card, shown in zip(decision.cards, decision.shown, strict=True):
            head, *sections = shown.findings
            graver = {section[0] for section in sections if RANK[section[2]] < RANK[head[2]]}
            if not graver or any((head[0], section) in SPOKEN_FOR for section in graver):
                continue
            seen += 1
            assert card.summary[:40] not in card.detail.splitlines()[0], f"{one.vignette.card}: {one.vignette.name}"
    assert seen >= 5


def test_the_wording_that_speaks_for_a_section_stays(library: Library) -> None:
    taken = order("furosemide", "taken", library, route="oral", started=ago(400))
    found = chart(medications=(taken,), labs=[result("potassium", 3.3), result("sodium", 121)])
    (card,) = decide(found, library, ClientOptions(shows_drafts=True), "patient-view", ID).cards
    assert card.indicator == "critical"
    assert card.summary.startswith("Na 121 (2026-06-12) and K 3.3 mmol/L with furosemide: same-day")


def test_the_gravest_section_gives_the_summary_and_the_head_opens_the_text(library: Library) -> None:
    taken = order("quinine", "taken", library, route="oral", started=ago(400))
    found = chart(medications=(taken,), labs=[result("potassium", 2.9)])
    (card,) = decide(found, library, ClientOptions(shows_drafts=True), "patient-view", ID).cards
    assert card.indicator == "critical"
    assert card.summary.startswith("quinine with K 2.9 mmol/L")
    assert card.detail.startswith("On quinine since 2025-05-11: try stopping.")
    assert card.source.topic is not None
    assert card.source.topic.code == "quinineqtrisk"
    (qt,) = [one for one in library.regions["us"] if one.id == "quinine-qt-risk"]
    assert (card.source.label, card.source.url) == (qt.evidence[0].label, qt.evidence[0].url)


def test_what_the_condition_of_a_summary_found_can_be_named(library: Library) -> None:
    orders = (order("quinine", "taken", library, route="oral", started=ago(400)),
              order("amiodarone", "taken", library, started=ago(400)))  # fmt: skip
    cards = decide(chart(medications=orders), library, ClientOptions(shows_drafts=True), "patient-view", ID).cards
    assert cards[0].summary.startswith("On quinine with amiodarone: additive QT prolongation")


def test_a_head_as_grave_as_its_sections_keeps_its_words(library: Library) -> None:
    draft = order("quinine", "draft", library, route="oral", reasons=(reason("muscle-cramp"),))
    found = chart(medications=(draft,), labs=[result("potassium", 2.9)])
    (card,) = decide(found, library, ClientOptions(shows_drafts=True), "order-sign", ID).cards
    assert card.summary.startswith("quinine for leg cramps: FDA boxed warning")
