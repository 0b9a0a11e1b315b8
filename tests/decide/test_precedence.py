"""Each rule of docs/precedence.md, with two findings that meet."""

from dataclasses import replace
from functools import cache

import pytest

from cds_service.chart import Problem
from cds_service.decide.decision import Finding
from cds_service.decide.merging import bundled, silenced
from cds_service.hooks import HOOKS, Hook
from cds_service.knowledge.card import Card
from cds_service.knowledge.case import Case, Course, Verdict
from cds_service.knowledge.criteria import Leaf, Step
from cds_service.knowledge.library import Library, load_library
from cds_service.knowledge.precedence import Row, rows
from tests.conftest import CARDS
from tests.knowledge.charts import chart, problem


@cache
def loaded() -> Library:
    return load_library(CARDS)


def card(name: str) -> Card:
    return next(one for one in loaded().cards if one.id == name)


def finding(found: Card, medicine: str = "x", hook: Hook = "order-sign") -> Finding:
    """A finding of a card, about a medicine or about the patient, resting on one problem."""
    course = None if found.about.subject == "patient" else Course(medicine, frozenset(), (), (), ())
    leaf = Leaf("has_condition", "cramps", "when", 1, lambda _: Verdict(True), frozenset())
    evidence: tuple[Problem, ...] = (problem("muscle-cramp"),)
    return Finding(found, Case(chart(), hook, course), "warning", (Step(leaf, True, evidence),))


ROWS = list(dict.fromkeys(rows(loaded().cards)))
SILENCED = [row for row in ROWS if row.deed == "silences"]
JOINED = [row for row in ROWS if row.deed == "takes in as a section" and not row.strong.startswith("any")]
GUESTS = [row for row in ROWS if row.strong.startswith("any")]


@pytest.mark.parametrize("row", SILENCED, ids=str)
def test_a_silenced_card_is_not_shown(row: Row) -> None:
    strong, weak = finding(card(row.strong)), finding(card(row.weak))
    assert silenced([strong, weak]) == {1: row.strong}
    assert silenced([weak]) == {}


@pytest.mark.parametrize("row", SILENCED, ids=str)
def test_another_medicine_silences_nothing(row: Row) -> None:
    strong, weak = finding(card(row.strong), "x"), finding(card(row.weak), "y")
    about_one_person = not strong.medicine or not weak.medicine
    assert silenced([strong, weak]) == ({1: row.strong} if about_one_person else {})


@pytest.mark.parametrize("row", JOINED, ids=str)
def test_a_joined_card_becomes_a_section(row: Row) -> None:
    (bundle,) = bundled([finding(card(row.weak)), finding(card(row.strong))], "order-sign")
    assert bundle.head.card.id == row.strong
    assert [section.card.id for section in bundle.sections] == [row.weak]


@pytest.mark.parametrize("row", GUESTS, ids=str)
def test_a_guest_sits_with_any_card_about_the_same_problem(row: Row) -> None:
    guest = card(row.weak)
    hook = next(hook for hook in HOOKS if hook in guest.merge.joins_any)
    others = [one for one in loaded().cards if hook in one.hooks and one.group != guest.group]
    (bundle,) = bundled([finding(guest, "y", hook), finding(others[0], "x", hook)], hook)
    assert bundle.head.card.id == others[0].id
    alone = replace(finding(others[0], "x", hook), trace=())
    assert len(bundled([finding(guest, "y", hook), alone], hook)) == 2


def test_every_rule_of_the_cards_is_on_the_page() -> None:
    assert SILENCED
    assert JOINED
