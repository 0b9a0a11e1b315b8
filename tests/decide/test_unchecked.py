"""What was not checked: what is unknown, why, what was assumed of it, and what the other answer would have done."""

from typing import Any

import pytest

from cds_service.caller import ClientOptions
from cds_service.chart import Chart, Dose, Gap
from cds_service.decide import decide
from cds_service.hooks import Hook
from cds_service.knowledge.library import Library
from tests.decide.test_decision import ID
from tests.knowledge.charts import ago, chart, exactly, order, problem, reason, result

HEADING = "**What was not checked**\n\n"


def unchecked(found: Chart, library: Library, head: str, hook: Hook = "order-sign", region: str = "us") -> list[str]:
    decision = decide(found, library, ClientOptions(shows_drafts=True, region=region), hook, ID)
    (card,) = [card for card, shown in zip(decision.cards, decision.shown, strict=True) if shown.head == head]
    return card.detail.partition(HEADING)[2].partition("\n\n")[0].splitlines()


def quinine(library: Library, **more: Any) -> Chart:
    order_of = {"route": "oral", "dose": Dose(exactly(324), exactly(1), exactly(324))}
    held = {name: more.pop(name) for name in ("route", "dose") if name in more}
    draft = order("quinine", "draft", library, reasons=(reason("muscle-cramp"),), **{**order_of, **held})
    return chart(medications=(draft,), **more)


def test_nothing_unknown_nothing_said(library: Library) -> None:
    assert unchecked(quinine(library), library, "quinine-cramps") == []


def test_an_assumption_that_the_card_stands_on_says_so(library: Library) -> None:
    assert unchecked(quinine(library, route=""), library, "quinine-cramps") == [
        "- **Route**: none given. Assumed not so: route topical or ophthalmic; otherwise this card would not be shown."
    ]


def test_two_unknowns_of_one_cause_that_matter_only_together_are_told_together(library: Library) -> None:
    assert unchecked(quinine(library, dose=Dose(problem="no dosage given")), library, "quinine-cramps") == [
        (
            "- **Dose**: no dosage given. Assumed not so: single dose at least 600 mg and at least 3 doses a day; "
            "otherwise this card would not be shown."
        )
    ]


def test_an_unknown_that_could_make_the_card_graver_says_so(library: Library) -> None:
    found = chart(
        medications=(order("hydrochlorothiazide", "taken", library, started=ago(400)),),
        labs=[result("potassium", 3.2, 20, title="potassium")],
    )
    assert unchecked(found, library, "diuretic-low-potassium", "patient-view") == [
        (
            "- **Potassium within 7 days**: none on file. Not counted: potassium below 2.5 mmol/L within 7 days; "
            "if so, this card would be critical."
        )
    ]


def test_what_makes_no_card_graver_is_only_named(library: Library) -> None:
    """The card is critical for want of potassium already: magnesium could not add to that."""
    found = quinine(library, labs=[result("potassium", 2.4, title="potassium")])
    told = unchecked(found, library, "quinine-cramps")
    assert told == ["- **Magnesium and calcium**: none on file. Not counted."]


def test_a_section_that_was_not_delivered_names_what_was_not_looked_for(library: Library) -> None:
    gaps = (Gap("conditions", "not-delivered", detail="not delivered"),)
    found = quinine(library, sections={"conditions": "unread"}, gaps=gaps)
    (line,) = unchecked(found, library, "quinine-cramps")
    assert line.startswith(
        "- **Problem list**: not delivered. Assumed not so: babesiosis or malaria on the problem list"
    )
    assert "otherwise this card would not be shown" in line


def test_a_condition_that_an_entry_hints_at_has_its_title(library: Library) -> None:
    hint = problem("x", concepts=frozenset(), unclear=frozenset({"muscle-cramp"}), name="cramp?")
    found = chart(
        medications=(
            order("quinine", "draft", library, route="oral", dose=Dose(exactly(324), exactly(1), exactly(324))),
        ),
        problems=(hint,),
    )
    (line,) = unchecked(found, library, "quinine-indication-unknown")
    assert line == (
        "- **Muscle cramps**: an entry without a code we know. Assumed not so: muscle cramps on the problem list; "
        "otherwise this card would not be shown."
    )


def test_a_result_that_does_not_decide_is_shown(library: Library) -> None:
    found = chart(
        medications=(order("hydrochlorothiazide", "taken", library, started=ago(400)),),
        labs=[
            result("potassium", 3.2, title="potassium"),
            result("sodium", 125, 3, title="sodium", comparator="<=", as_reported="<=125 mmol/L"),
        ],
    )
    told = unchecked(found, library, "diuretic-low-potassium", "patient-view")
    assert told == [
        "- **Glucose**: none on file. Not counted.",
        (
            "- **Sodium**: &lt;=125 mmol/L on 2026-06-12 does not decide it. Not counted: sodium below 125 mmol/L within "
            "7 days; if so, this card would be critical."
        ),
    ]


@pytest.mark.parametrize("region", ["us", "uk", "de"])
def test_a_part_of_a_merged_card_is_named(library: Library, region: str) -> None:
    taken = order("quinine", "taken", library, route="oral", started=ago(400), dose=Dose(problem="no dosage given"))
    found = chart(medications=(taken,), labs=[result("potassium", 3.2, title="potassium")])
    head = "quinine-longterm-review"
    told = unchecked(found, library, head, "patient-view", region)
    assert any('the part "Long-term quinine review" would not be shown' in line for line in told)


def test_a_limit_of_another_kind_of_the_test_names_the_kind(library: Library) -> None:
    """2.75 adjusted is above 2.6, and still says nothing of the limit for unadjusted calcium."""
    high = result("calcium", 2.75, variant="lab-adjusted", title="calcium", as_reported="2.75 mmol/L")
    found = chart(labs=[high], problems=(problem("muscle-cramp"),))
    (line,) = [one for one in unchecked(found, library, "hypercalcaemia-review", "patient-view") if "Calcium" in one]
    assert line.startswith("- **Calcium**: (lab adjusted) 2.75 mmol/L on 2026-06-12 does not decide it.")
    assert "calcium above 2.6 mmol/L (unadjusted) within 90 days" in line
