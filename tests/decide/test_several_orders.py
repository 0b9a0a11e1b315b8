"""Several orders of one medicine in force, and one of them written anew: nothing is taken of one of them by chance."""

from typing import Any

import pytest

from cds_service.decide import Decision
from cds_service.knowledge.library import Library
from tests.decide.test_lists_as_they_come import decided, deeds, draft, order, shown

Json = dict[str, Any]
TABLET = "baclofen 10 mg tablet"
SMALL = "baclofen 5 mg tablet"
STEP = "baclofen-fast-titration"
MOST = "baclofen-max-dose-cramps"
CRAMPS = {"reason": "leg cramps"}


def daily(own: str, mg: float, times: int = 1, name: str = TABLET, **members: Any) -> Json:
    return order(name, own, mg=mg, times=times, **CRAMPS, **members)


def new(own: str, mg: float, times: int = 1, name: str = TABLET) -> Json:
    return draft(name, own, mg=mg, times=times, **CRAMPS)


def in_words(own: str, text: str = "as discussed") -> Json:
    return {**order(TABLET, own, **CRAMPS), "dosageInstruction": [{"text": text}]}


def statement(own: str, mg: float, times: int = 1) -> Json:
    told = daily(own, mg, times)
    return {**told, "resourceType": "MedicationStatement", "dosage": told.pop("dosageInstruction")}


def text_of(decision: Decision, card: str) -> str:
    return next(
        f"{one.summary}\n{one.detail}"
        for one, seen in zip(decision.cards, decision.shown, strict=True)
        if card in {finding[0] for finding in seen.findings}
    )


def not_checked(decision: Decision) -> str:
    return text_of(decision, "data-quality") if "data-quality" in shown(decision) else ""


TWO = [daily("day", 10, 3), daily("night", 5, 1, SMALL)]


@pytest.mark.parametrize("taken", [TWO, TWO[::-1]])
def test_a_revision_of_one_of_several_orders_leaves_the_others_in_force(taken: list[Json], library: Library) -> None:
    """35 mg in force; 5 mg at night become 20 mg: 50 mg in all, a step of 15 mg."""
    found = decided(library, [new("night", 20)], taken)
    assert STEP in shown(found)
    assert "Baclofen step 35->50 mg/day" in text_of(found, STEP)
    assert MOST in shown(found)
    assert "Baclofen 50 mg/day for cramps" in text_of(found, MOST)


@pytest.mark.parametrize("taken", [TWO, TWO[::-1]])
def test_a_small_change_of_one_order_is_no_large_step_from_the_other(taken: list[Json], library: Library) -> None:
    assert STEP not in shown(decided(library, [new("day", 10, 3)], taken))
    assert STEP not in shown(decided(library, [new("night", 10, 1, SMALL)], taken))


def test_an_order_of_its_own_beside_several_is_unknown_and_named(library: Library) -> None:
    """It may take the place of all, of one, or stand beside one: nobody says which."""
    found = decided(library, [new("z", 10, 3)], TWO)
    assert STEP not in shown(found)
    assert "which of the orders in force" in not_checked(found)
    assert "Baclofen increased too fast" in not_checked(found)
    surely = decided(library, [new("z", 30, 3)], TWO)
    assert "Baclofen step 35->90-120 mg/day" in text_of(surely, STEP)


def test_all_orders_being_written_count(library: Library) -> None:
    found = decided(library, [new("day", 10, 3), new("extra", 20)], [daily("day", 10, 3)])
    assert "Baclofen step 30->50 mg/day" in text_of(found, STEP)


@pytest.mark.parametrize("other", [statement("s", 10), daily("s", 10, status="unknown")])
def test_a_treatment_told_twice_is_one(other: Json, library: Library) -> None:
    found = decided(library, [new("z", 10, 3)], [daily("b", 10), other])
    assert "Baclofen step 10->30 mg/day" in text_of(found, STEP)
    revised = decided(library, [new("b", 10, 3)], [daily("b", 10), other])
    assert "Baclofen step 10->30 mg/day" in text_of(revised, STEP)


def test_a_treatment_told_twice_with_two_doses_is_unknown_and_named(library: Library) -> None:
    """10 mg ordered, 25 mg told: 10 to 35 mg in force."""
    found = decided(library, [new("b", 20, 2)], [daily("b", 10), statement("s", 25)])
    assert "Baclofen step 10-35->40-65 mg/day" in text_of(found, STEP)
    alone = decided(library, [new("z", 15, 2)], [daily("b", 10), statement("s", 25)])
    assert STEP not in shown(alone)
    assert "two entries of the list may tell of one treatment" in not_checked(alone)


def test_two_orders_that_say_the_same_are_two(library: Library) -> None:
    found = decided(library, [new("a", 20, 2)], [daily("a", 20), daily("b", 20)])
    assert "Baclofen step 40->60 mg/day" in text_of(found, STEP)
    assert "60 mg in 2 orders" in text_of(found, MOST)
    same = decided(library, [new("a", 20), new("b", 20)], [daily("a", 20), daily("b", 20)])
    assert "40 mg in 2 orders; 2 times baclofen 10 mg tablet: 20 mg" in text_of(same, MOST)


@pytest.mark.parametrize("place", [0, 1])
def test_a_dose_in_words_is_named_where_a_step_could_not_be_checked(place: int, library: Library) -> None:
    taken = [daily("b", 10)]
    taken.insert(place, in_words("w"))
    for orders in ([in_words("w")], taken):
        found = decided(library, [new("z", 10, 3)], orders)
        assert STEP not in shown(found)
        assert "no dose stated as a number" in not_checked(found)
        assert "Baclofen increased too fast" in not_checked(found)


def test_what_stays_in_force_counts_on_both_sides_even_unread(library: Library) -> None:
    found = decided(library, [new("b", 10, 3)], [daily("b", 10), in_words("w")])
    assert "Baclofen step at least 10->at least 30 mg/day" in text_of(found, STEP)


def test_what_is_known_of_a_dose_is_said(library: Library) -> None:
    found = decided(library, [new("b", 20, 2), {**in_words("w"), "status": "draft"}], [])
    text = text_of(found, MOST)
    assert "Baclofen at least 40 mg/day for cramps" in text
    assert "not computable" not in text


def test_a_part_of_one_dosage_that_is_read_is_said(library: Library) -> None:
    mixed = new("b", 20, 2)
    mixed["dosageInstruction"].append({"text": "one more at night if needed"})
    found = decided(library, [mixed], [])
    assert "Baclofen at least 40 mg/day for cramps" in text_of(found, MOST)


def test_every_order_that_a_dose_comes_from_is_named(library: Library) -> None:
    found = decided(library, [new("b", 20, 2), new("c", 5, 1, SMALL)], [])
    assert f"45 mg in 2 orders; {TABLET}: 40 mg; {SMALL}: 5 mg" in text_of(found, MOST)


def test_every_part_of_a_dosage_is_named(library: Library) -> None:
    parted = new("b", 20)
    parted["dosageInstruction"] += new("b", 15)["dosageInstruction"]
    assert "35 mg (20 + 15)" in text_of(decided(library, [parted], []), MOST)


def test_an_order_is_changed_only_where_that_sets_the_dose(library: Library) -> None:
    found = decided(library, [new("day", 20, 3)], [daily("day", 10, 2), daily("night", 5, 1, SMALL)])
    assert {STEP, MOST} <= shown(found)
    assert "update" not in {kind for kind, _ in deeds(found)}
    assert any("in force" in why for why in found.left_out)
    alone = decided(library, [new("day", 20, 3)], [daily("day", 10, 3)])
    assert "update" in {kind for kind, _ in deeds(alone)}


@pytest.mark.parametrize("told", [{"id": ""}, {"resourceType": "MedicationRequest", "reportedBoolean": True}])
def test_what_only_tells_of_a_treatment_is_known_without_its_id(told: Json, library: Library) -> None:
    """A statement without an id, and an order entered as reported, are no second order."""
    said = {**statement("s", 20), **told}
    said |= {"dosageInstruction": said.pop("dosage")} if "reportedBoolean" in told else {}
    assert MOST in shown(decided(library, [new("b", 20)], [daily("b", 20), daily("c", 20)]))
    assert MOST not in shown(decided(library, [new("b", 20)], [daily("b", 20), said]))


def in_tablets(own: str, count: float, times: int) -> Json:
    """An amount that stands there and cannot be computed: the strength of the tablet is not known."""
    made = daily(own, count, times, "baclofen")
    made["dosageInstruction"][0]["doseAndRate"] = [{"doseQuantity": {"value": count, "unit": "tablet"}}]
    return made


def test_an_amount_that_cannot_be_computed_is_unread_and_named(library: Library) -> None:
    draft_of_it = {**in_tablets("t", 2, 3), "status": "draft"}
    for drafts, taken in (([draft_of_it], []), ([new("b", 20)], [daily("b", 20), in_tablets("t", 2, 3)])):
        found = decided(library, drafts, taken)
        assert MOST not in shown(found)
        assert "unknown strength" in not_checked(found)


def test_a_statement_of_an_amount_that_cannot_be_computed_may_say_more(library: Library) -> None:
    ordered = in_tablets("s", 2, 3)
    said = {**ordered, "resourceType": "MedicationStatement", "dosage": ordered.pop("dosageInstruction")}
    found = decided(library, [new("b", 20)], [daily("b", 20), said])
    assert MOST not in shown(found)
    assert "unknown strength" in not_checked(found)


def test_two_statements_of_one_dose_may_be_two_treatments(library: Library) -> None:
    """Nothing is ordered: 20 mg told twice is 20 mg or 40 mg, not 20 mg."""
    found = decided(library, [new("z", 10, 3)], [statement("s", 20), statement("t", 20)])
    assert STEP not in shown(found)
    assert "two entries of the list may tell of one treatment" in not_checked(found)
    assert MOST not in shown(
        decided(library, [new("z", 10, 3)], [daily("b", 20), statement("s", 20), statement("t", 20)])
    )
