"""One card of several medicines that say the same of one patient, and none where a draft is the subject."""

from dataclasses import replace
from typing import Any

import pytest

from cds_service.caller import ClientOptions
from cds_service.chart import Chart
from cds_service.decide import Decision, decide
from cds_service.hooks import Hook
from cds_service.knowledge.card import Level
from cds_service.knowledge.criteria import compile_criterion
from cds_service.knowledge.library import Library
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import parse_yaml
from tests.decide.test_decision import ID
from tests.knowledge.charts import ago, chart, dose, exactly, order, result

OPTIONS = ClientOptions(shows_drafts=True, findings_extension=True)
THIAZIDE, LOOP = "hydrochlorothiazide", "furosemide"


def taken(library: Library, ingredient: str, **more: Any) -> Any:
    values = {"route": "oral", "started": ago(400), "dose": dose(exactly(25)), **more}
    return order(ingredient, "taken", library, **values)


def decided(found: Chart, library: Library, hook: Hook = "patient-view") -> Decision:
    return decide(found, library, OPTIONS, hook, ID)


def both(library: Library, **more: Any) -> Chart:
    orders = (taken(library, THIAZIDE), taken(library, LOOP, dose=dose(exactly(40))))
    return chart(medications=orders, **more)


def test_two_medicines_and_one_result_are_one_card_that_names_both(library: Library) -> None:
    decision = decided(both(library, labs=[result("potassium", 3.2, title="potassium")]), library)
    (card,) = decision.cards
    assert "on furosemide and hydrochlorothiazide:" in card.summary
    assert "Medicine: furosemide and hydrochlorothiazide, 40 mg/day and 25 mg/day." in card.detail
    assert "- hydrochlorothiazide, taken since" in card.detail
    assert "- furosemide, taken since" in card.detail
    assert [one.label for one in card.suggestions] == [
        "Repeat potassium", "Check magnesium", "Check creatinine and eGFR",
    ]  # fmt: skip
    (shown,) = decision.shown
    assert shown.findings == (("diuretic-low-potassium", "furosemide, hydrochlorothiazide", "info"),)


def test_the_order_of_the_list_does_not_matter(library: Library) -> None:
    found = both(library, labs=[result("potassium", 3.2)])
    turned = replace(found, medications=found.medications[::-1])
    assert decided(found, library).cards == decided(turned, library).cards


def test_each_medicine_keeps_its_own_outcome(library: Library) -> None:
    decision = decided(both(library, labs=[result("potassium", 3.2)]), library)
    fates = {(o.medicine, o.result) for o in decision.outcomes if o.card.id == "diuretic-low-potassium"}
    assert fates == {(THIAZIDE, "shown"), (LOOP, "shown")}


def test_sections_are_joined_too(library: Library) -> None:
    labs = [result("potassium", 3.2), result("magnesium", 0.6)]
    (card,) = decided(both(library, labs=labs), library).cards
    assert card.detail.count("### Low magnesium on a diuretic") == 1


def test_what_holds_of_one_medicine_only_stays_its_own(library: Library) -> None:
    """A high calcium is the thiazide's doing, and stands on the card of the two."""
    labs = [result("potassium", 3.2), result("calcium", 2.8, variant="lab-adjusted", title="calcium")]
    (card,) = decided(both(library, labs=labs), library).cards
    (section,) = [part for part in card.detail.split("### ") if part.startswith("High calcium on a thiazide")]
    assert "hydrochlorothiazide" in section
    assert "furosemide" not in section.partition("**Why you see this**")[0]


def test_a_draft_is_a_subject_of_its_own(library: Library) -> None:
    drafts = tuple(order(one, "draft", library, route="oral") for one in (THIAZIDE, LOOP))
    cards = decided(chart(medications=drafts, labs=[result("potassium", 3.2)]), library, "order-sign").cards
    removed = [act.resource_id for card in cards for s in card.suggestions for act in s.actions if act.type == "delete"]
    assert sorted(map(str, removed)) == [f"MedicationRequest/{one}-draft" for one in (LOOP, THIAZIDE)]
    assert len(cards) == 2


def test_beside_a_draft_the_medicine_taken_is_not_named(library: Library) -> None:
    found = chart(
        medications=(order(THIAZIDE, "draft", library, route="oral"), taken(library, LOOP)),
        labs=[result("potassium", 3.2)],
    )
    (card,) = decided(found, library, "order-sign").cards
    assert "hydrochlorothiazide ordered" in card.summary
    assert LOOP not in card.summary


def test_where_the_levels_differ_one_card_holds_both_and_the_graver_comes_first(library: Library) -> None:
    thiazide = read_criterion(whole(parse_yaml("in_class: thiazide-type", "test")), library.references)
    levels = (Level("warning", thiazide, compile_criterion(thiazide)), Level("info", None, None))
    cards = tuple(replace(c, levels=levels) if c.id == "diuretic-low-sodium" else c for c in library.regions["us"])
    graded = replace(library, regions={**library.regions, "us": cards})
    decision = decided(both(library, labs=[result("sodium", 132, title="sodium")]), graded)
    (shown,) = decision.shown
    assert [entry[1:] for entry in shown.findings] == [(THIAZIDE, "warning"), (LOOP, "info")]
    assert "on hydrochlorothiazide:" in decision.cards[0].summary
    assert "### Low sodium on a diuretic" in decision.cards[0].detail


@pytest.mark.parametrize("egfr", [None, 80.0])
def test_a_gate_holds_for_the_joined_card(egfr: float | None, library: Library) -> None:
    labs = [result("magnesium", 0.6), *([result("egfr", egfr)] if egfr else [])]
    (card,) = decided(both(library, labs=labs), library).cards
    offered = [one.label for one in card.suggestions]
    assert offered.count("Draft oral magnesium (choose salt and dose)") == (1 if egfr else 0)


def test_topic_and_override_reasons_are_those_of_the_rule(library: Library) -> None:
    labs = [result("potassium", 3.2)]
    (joined,) = decided(both(library, labs=labs), library).cards
    (alone,) = decided(chart(medications=(taken(library, LOOP),), labs=labs), library).cards
    assert joined.source == alone.source
    assert joined.override_reasons == alone.override_reasons
    assert joined.uuid != alone.uuid


@pytest.mark.parametrize("length", [10, 40, 110])
@pytest.mark.parametrize(
    "names", [(THIAZIDE, LOOP), (THIAZIDE, LOOP, "indapamide", "torsemide", "bumetanide", "metolazone", "xipamide")]
)
def test_long_names_never_cost_the_action(names: tuple[str, ...], length: int, library: Library) -> None:
    orders = tuple(taken(library, one, name=f"{one[:4]} {'x' * length}") for one in names)
    (card,) = decided(chart(medications=orders, labs=[result("potassium", 3.2)]), library).cards
    assert len(card.summary) <= 139
    assert card.summary.endswith("check magnesium, review the diuretic.")
    assert ("on furo x" in card.summary and "and hydr x" in card.summary) or "on bume x" in card.summary
    assert (" +6:" in card.summary) is (len(names) == 7)


ORAL = """
all:
  - lab: {test: potassium, below: low, within: 90 days}
  - none:
      - route: topical
        if_unknown: assume-absent
"""


@pytest.mark.parametrize(
    ("without_route", "effect"),
    [((LOOP,), "would not name furosemide"), ((THIAZIDE,), "would not name hydrochlorothiazide"), ((LOOP, THIAZIDE), "would not be shown")],
)  # fmt: skip
def test_what_was_not_checked_of_one_medicine_does_not_take_the_card_away(
    without_route: tuple[str, ...], effect: str, library: Library
) -> None:
    when = read_criterion(whole(parse_yaml(ORAL, "test")), library.references)
    cards = tuple(
        replace(c, when=when, judge=compile_criterion(when)) if c.id == "diuretic-low-potassium" else c
        for c in library.regions["us"]
    )
    asking = replace(library, regions={**library.regions, "us": cards})
    orders = tuple(taken(library, one, **({"route": ""} if one in without_route else {})) for one in (THIAZIDE, LOOP))
    (card,) = decided(chart(medications=orders, labs=[result("potassium", 3.2)]), asking).cards
    told = card.detail.partition("**What was not checked**")[2]
    assert f"- **Route**: none given. Assumed not so: route topical; otherwise this card {effect}." in told


def test_what_was_not_checked_of_the_patient_counts_for_all_medicines(library: Library) -> None:
    found = both(library, labs=[result("potassium", 3.2)], sections={"conditions": "unread"})
    card = next(one for one in decided(found, library).cards if "furosemide and hydro" in one.summary)
    told = card.detail.partition("**What was not checked**")[2]
    assert "muscle cramps on the problem list; if so, this card would be a warning." in told
