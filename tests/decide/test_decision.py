"""The decision: pure, merged as the cards say, at most five cards, never silent about what could not be read."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from markdown_it import MarkdownIt

from cds_service import hooks
from cds_service.caller import ClientOptions
from cds_service.chart import SECTIONS, Chart, Gap
from cds_service.decide import Decision, decide
from cds_service.decide.merging import MOST_CARDS
from cds_service.hooks import Hook
from cds_service.knowledge.card import Card, Level, Merge
from cds_service.knowledge.case import Case
from cds_service.knowledge.criteria import Trace
from cds_service.knowledge.library import Library
from cds_service.knowledge.placeholders import Filler, Moment
from cds_service.knowledge.templates import Part, Template
from tests.knowledge.charts import ago, chart, order, problem, reason, result

ID = UUID("5f0c3f0a-7c0e-4d59-9a52-0f3a8a1d2b11")
OPTIONS = ClientOptions(shows_drafts=True, findings_extension=True)


def decided(found: Chart, library: Library, hook: Hook = "order-sign", **options: Any) -> Decision:
    return decide(found, library, replace(OPTIONS, **options), hook, ID)


def heads(decision: Decision) -> list[str]:
    return [shown.head for shown in decision.shown]


def quinine(library: Library, **more: Any) -> Chart:
    draft = order("quinine", "draft", library, reasons=(reason("muscle-cramp"),))
    return chart(medications=(draft,), **more)


def test_the_same_arguments_give_the_same_bytes(library: Library) -> None:
    found = quinine(library, labs=[result("potassium", 2.9)])
    one, two = decided(found, library), decided(found, library)
    assert hooks.encode_cards(one.cards) == hooks.encode_cards(two.cards)
    assert one.shown == two.shown


def test_another_decision_has_other_uuids(library: Library) -> None:
    found = quinine(library)
    one = decide(found, library, OPTIONS, "order-sign", ID)
    two = decide(found, library, OPTIONS, "order-sign", UUID(int=7))
    assert {card.uuid for card in one.cards}.isdisjoint(card.uuid for card in two.cards)


def test_findings_of_one_medicine_become_one_card_with_the_highest_indicator(library: Library) -> None:
    decision = decided(quinine(library, labs=[result("potassium", 2.9)]), library, region="uk")
    (shown,) = [one for one in decision.shown if one.head == "quinine-cramps"]
    assert ("quinine-qt-risk", "quinine", "critical") in shown.findings
    (card,) = [card for card in decision.cards if card.uuid == shown.uuid]
    assert card.indicator == "critical"


def test_a_contraindication_heads_the_group(library: Library) -> None:
    decision = decided(quinine(library, problems=(problem("myasthenia-gravis"),)), library)
    assert heads(decision)[0] == "quinine-contraindicated"
    assert "quinine-cramps" not in heads(decision)


def test_draft_cards_are_not_shown_without_leave(library: Library) -> None:
    decision = decided(quinine(library), library, shows_drafts=False)
    assert decision.cards == ()


def test_a_forced_selection_behavior_is_obeyed(library: Library) -> None:
    decision = decided(quinine(library, problems=(problem("myasthenia-gravis"),)), library, selection_behavior="any")
    assert {card.selection_behavior for card in decision.cards if card.suggestions} == {"any"}


def broken(case: Case, trace: Trace) -> bool:
    raise ZeroDivisionError


def test_a_card_that_raises_is_named_and_the_others_still_go_out(library: Library) -> None:
    cards = tuple(replace(c, judge=broken) if c.id == "quinine-qt-risk" else c for c in library.regions["us"])
    decision = decided(quinine(library), replace(library, regions={**library.regions, "us": cards}))
    assert [o.because for o in decision.outcomes if o.result == "error"] == ["ZeroDivisionError"]
    assert heads(decision) == ["quinine-cramps", "data-quality"]
    assert "Quinine and QT risk" in decision.cards[-1].detail


def unwritable(moment: Moment) -> str:
    raise ZeroDivisionError


@pytest.mark.parametrize("place", ["detail", "summaries", "offers"])
def test_a_card_that_cannot_be_written_is_named_and_the_others_still_go_out(library: Library, place: str) -> None:
    text = Template((Part("{{drug}}", Filler("drug", unwritable)),))

    def spoilt(card: Card) -> Card:
        broken: dict[str, Any] = {
            "detail": text,
            "summaries": tuple(summary._replace(template=text) for summary in card.summaries),
            "offers": tuple(offer._replace(label=text, judge=None) for offer in card.offers),
        }
        return replace(card, **{place: broken[place]})

    cards = tuple(spoilt(c) if c.id == "quinine-cramps" else c for c in library.regions["us"])
    chart_ = quinine(library, labs=[result("potassium", 2.9)])
    drafts = (*chart_.medications, order("hydrochlorothiazide", "draft", library))
    decision = decided(replace(chart_, medications=drafts), replace(library, regions={**library.regions, "us": cards}))
    assert [(o.card.id, o.because) for o in decision.outcomes if o.result == "error"] == [
        ("quinine-cramps", "ZeroDivisionError")
    ]
    assert heads(decision)[-1] == "data-quality"
    assert {"diuretic-low-potassium", "quinine-qt-risk"} <= {*heads(decision)}
    assert "Quinine ordered for leg cramps" in decision.cards[-1].detail


def test_what_was_not_delivered_is_said_where_it_matters(library: Library) -> None:
    draft = order("hydrochlorothiazide", "draft", library)
    found = chart(medications=(draft,), sections={"observations": "unread"})
    decision = decided(found, library)
    assert heads(decision)[-1] == "data-quality"
    assert "laboratory results" in decision.cards[-1].summary


def test_what_was_not_delivered_is_not_said_where_no_card_wants_it(library: Library) -> None:
    found = chart(medications=(order("digoxin", "draft", library),), sections={"observations": "unread"})
    assert decided(found, library).cards == ()


def test_a_missing_result_is_absence_and_not_a_gap(library: Library) -> None:
    found = chart(medications=(order("hydrochlorothiazide", "draft", library),))
    assert "data-quality" not in heads(decided(found, library))


def test_nothing_readable_is_no_answer(library: Library) -> None:
    decision = decided(chart(sections=dict.fromkeys(SECTIONS, "unread")), library, "patient-view")
    assert decision.cards == ()
    assert "medications" in decision.unanswerable


def test_a_medicine_nobody_can_identify_is_said(library: Library) -> None:
    unknown = order("?", "draft", library, ingredients=(), confidence="none", watched=frozenset({"quinine"}))
    decision = decided(chart(medications=(unknown,)), library)
    assert heads(decision) == ["data-quality"]


def many(library: Library, count: int, indicator: Any) -> Library:
    """The library with `count` copies of one card, each of a group of its own."""
    (model,) = [card for card in library.cards if card.id == "quinine-cramps"]
    levels = (Level(indicator, None, None),)
    copies = tuple(
        replace(model, id=f"copy{n}", group=f"group{n}", title=f"Copy {n}", merge=Merge(), levels=levels)
        for n in range(count)
    )
    quality: tuple[Card, ...] = tuple(card for card in library.cards if card.about.subject == "gaps")
    return replace(library, regions={"us": (*copies, *quality)})


def test_at_most_five_cards_and_the_rest_by_title(library: Library) -> None:
    decision = decided(quinine(library), many(library, 8, "warning"))
    assert len(decision.cards) == MOST_CARDS
    assert heads(decision)[-1] == "data-quality"
    assert "Copy 7" in decision.cards[-1].detail
    assert sum(outcome.result == "overflow" for outcome in decision.outcomes) == 4


def test_five_cards_without_a_gap_are_five_cards(library: Library) -> None:
    assert heads(decided(quinine(library), many(library, 5, "warning"))) == [f"copy{n}" for n in range(5)]


def test_critical_cards_are_never_displaced(library: Library) -> None:
    decision = decided(quinine(library), many(library, 7, "critical"))
    assert [card.indicator for card in decision.cards] == ["critical"] * 7


def test_foreign_words_are_made_harmless(library: Library) -> None:
    evil = "<img src=x onerror=alert(1)> [click](javascript:x) \u202e\x00|a|b|\n# head"
    draft = order("quinine", "draft", library, name=evil, reasons=(reason("muscle-cramp", text=evil),))
    (card,) = decided(chart(medications=(draft,)), library).cards
    page = MarkdownIt("gfm-like", {"linkify": False}).render(card.detail)
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "<h1>" not in page
    assert "<table" not in page
    assert "<" not in card.summary
    assert not {"\u202e", "\x00"} & {*card.detail, *card.summary}


@pytest.mark.parametrize("length", [5, 60, 200])
def test_a_long_name_is_shortened_before_anything_else(length: int, library: Library) -> None:
    draft = order("quinine", "draft", library, name="Q" * length, reasons=(reason("muscle-cramp"),))
    (card,) = decided(chart(medications=(draft,)), library).cards
    assert len(card.summary) <= 139
    assert card.summary.endswith("not recommended for this use.")


def test_every_card_ends_with_reasons_limits_sources_and_the_footer(library: Library) -> None:
    found = quinine(library, sections={"conditions": "unread"}, gaps=(Gap("conditions", "not-delivered"),))
    card = decided(found, library).cards[0]
    for part in (
        "**Why you see this**",
        "rule quinine-cramps",
        "**What was not checked**",
        "**Sources**",
        "Evidence of quinine-cramps:",
    ):
        assert part in card.detail
    assert "not yet reviewed by a clinician" in card.detail
    assert "does not make the treatment decision" in card.detail
    assert card.detail.index("Why you see this") < card.detail.index("What was not checked")


def test_two_halves_of_one_product_speak_once(library: Library) -> None:
    classes = library.references.classes_of
    both = ("hydrochlorothiazide", "triamterene")
    members = frozenset().union(*(classes[one] for one in both))
    draft = order("hydrochlorothiazide", "draft", library, ingredients=both, classes=members)
    decision = decided(chart(medications=(draft,)), library)
    cards = [outcome.card.id for outcome in decision.outcomes if outcome.result in ("shown", "merged")]
    assert cards
    assert len(set(cards)) == len(cards)


def test_silence_that_was_only_assumed_is_no_answer(library: Library) -> None:
    sections = {"medications": "unread", "conditions": "unread"}
    decision = decided(chart(sections=sections), library, "patient-view")
    assert set(decision.unanswerable) >= {"medications", "conditions"}
    assert decided(chart(sections={"medications": "unread"}), library, "patient-view").unanswerable == ()


def test_a_draft_deleted_is_the_draft_of_the_request(library: Library) -> None:
    card = decided(quinine(library), library).cards[0]
    deletes = [action for one in card.suggestions for action in one.actions if action.type == "delete"]
    assert [action.resource_id for action in deletes] == ["MedicationRequest/quinine-draft"]


def test_on_patient_view_no_order_is_changed(library: Library) -> None:
    taken = order("quinine", "taken", library, started=ago(400))
    found = chart(medications=(taken,), problems=(problem("myasthenia-gravis"),))
    decision = decided(found, library, "patient-view")
    actions = [action for card in decision.cards for one in card.suggestions for action in one.actions]
    assert actions
    assert {action.type for action in actions} == {"create"}
