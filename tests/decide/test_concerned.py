"""Each card is judged on its own medicines and on no others, and each question is asked once for a medicine."""

from dataclasses import replace

import msgspec
import pytest

from cds_service.chart import SECTIONS, Chart, SectionState
from cds_service.decide.evaluate import blind_spots, concerned
from cds_service.hooks import HOOKS, Hook
from cds_service.knowledge.card import Card
from cds_service.knowledge.case import Case, Course, Verdict, courses
from cds_service.knowledge.criteria import Trace, compile_criterion
from cds_service.knowledge.library import Library, deck_of
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import parse_yaml
from tests.knowledge.charts import chart, order


def charts(library: Library) -> list[Chart]:
    names = ("quinine", "baclofen", "hydrochlorothiazide", "digoxin", "atorvastatin")
    hinted = order("?", "taken", library, ingredients=(), confidence="none", watched=frozenset({"quinine"}))
    states: dict[str, SectionState] = {"medications": "partial"}
    held = [order(name, role, library) for name in names for role in ("draft", "taken", "stopped")]
    return [
        *(chart(medications=(one,)) for one in held),
        *(chart(medications=(one, other)) for one in held[::3] for other in held[1::3]),
        chart(medications=(hinted,)),
        chart(medications=(msgspec.structs.replace(hinted, role="draft", judged=True), held[0])),
        chart(medications=(held[0],), sections=states),
        chart(sections=dict.fromkeys(SECTIONS, "unread")),
    ]


def subjects(card: Card, hook: Hook, everything: tuple[Course, ...]) -> list[Course | None]:
    """What a card is about, asked of every medicine."""
    if card.about.subject == "patient":
        return [None]
    found: list[Course | None] = []
    for course in everything:
        state = course.drafts or (course.taken if card.has_partner else ())
        if hook == "patient-view":
            state = course.taken
        if card.about.subject == "stopped":
            state = course.stopped
        if state and course.classes & card.about.classes:
            found.append(course)
    return found


@pytest.mark.parametrize("hook", HOOKS)
def test_each_card_is_judged_on_its_medicines(hook: Hook, library: Library) -> None:
    deck = deck_of(library.cards, hook)
    left_out = 0
    for found in charts(library):
        everything = courses(found, library.references.classes_of)
        cases = concerned(deck, found, hook, everything)
        for card in deck.judged:
            wanted = subjects(card, hook, everything)
            left_out += not wanted
            assert [case.course for case in cases.get(card, ())] == wanted
    assert left_out


@pytest.mark.parametrize("hook", HOOKS)
def test_what_may_be_missed_is_named_for_the_cards_about_it(hook: Hook, library: Library) -> None:
    deck = deck_of(library.cards, hook)
    hinted = order("?", "taken", library, ingredients=(), confidence="none", watched=frozenset({"quinine"}))
    drafted = msgspec.structs.replace(hinted, role="draft", judged=True, reference="MedicationRequest/new")
    about = {card for card in deck.judged if "quinine" in card.about.classes}
    assert about
    for orders, seen in (((hinted,), hook == "patient-view"), ((drafted,), True), ((), False)):
        assert set(blind_spots(deck, chart(medications=orders), hook)) == (about if seen else set())
    unread = chart(sections=dict.fromkeys(SECTIONS, "unread"))
    everyone = {card for card in deck.judged if card.about.classes}
    assert set(blind_spots(deck, unread, hook)) == (everyone if hook == "patient-view" else set())


def test_a_question_is_asked_once_for_a_medicine_and_stands_in_every_trace(library: Library) -> None:
    asked: list[str] = []

    def judge(case: Case) -> Verdict:
        asked.append(case.course.ingredient if case.course else "")
        return Verdict(bool(case.course))

    found = chart(medications=(order("quinine", "taken", library), order("digoxin", "taken", library)))
    everything = courses(found, library.references.classes_of)
    read = read_criterion(whole(parse_yaml("medicine_is: taken", "test")), library.references)
    again = read_criterion(whole(parse_yaml("any: [{medicine_is: taken}]", "test")), library.references)
    (leaf,) = again.parts
    assert leaf.judge is read.judge
    one, two = (compile_criterion(replace(part, judge=judge)) for part in (read, leaf))
    for course in everything:
        case, trace = Case(found, "patient-view", course, everything), Trace()
        assert one(case, trace)
        assert two(case, trace)
        assert len(trace) == 2
    assert asked == ["quinine", "digoxin"]


def test_what_is_asked_of_the_patient_is_the_same_for_every_medicine(library: Library) -> None:
    leaves = {leaf.judge: leaf for cards in library.regions.values() for card in cards for leaf in card.leaves()}
    shared = [leaf for leaf in leaves.values() if leaf.of_patient]
    assert {leaf.fact for leaf in shared} > {"lab", "has_condition", "age", "hook", "taking_count"}
    for found in charts(library):
        everything = courses(found, library.references.classes_of)
        for leaf in shared:
            answers = {
                str(leaf.judge(Case(found, "order-select", course, everything))) for course in (None, *everything)
            }
            assert len(answers) == 1, leaf.text
