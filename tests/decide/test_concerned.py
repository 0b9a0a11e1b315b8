"""The cards that are not judged at all are those that would have had nothing to say."""

import pytest

from cds_service.chart import SECTIONS, Chart, SectionState
from cds_service.decide.evaluate import concerned, evaluate, present
from cds_service.knowledge.case import HOOKS, Hook, courses
from cds_service.knowledge.library import Library
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
        chart(medications=(held[0],), sections=states),
        chart(sections=dict.fromkeys(SECTIONS, "unread")),
    ]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_card_that_is_left_out_has_nothing_to_say(hook: Hook, library: Library) -> None:
    left_out = 0
    for found in charts(library):
        everything = courses(found, library.references.classes_of)
        judged = concerned(library.cards, found, hook, present(found, everything))
        for card in library.cards:
            if card not in judged and card.about.subject != "gaps":
                left_out += 1
                assert evaluate(card, found, hook, everything) == ([], [])
    assert left_out
