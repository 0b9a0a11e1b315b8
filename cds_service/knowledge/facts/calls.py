"""Facts about the call itself: at which moment of the work the question is asked."""

from cds_service.hooks import HOOKS
from cds_service.knowledge.case import Case, Verdict
from cds_service.knowledge.facts.registry import WORDS, Question, fact, spoken, words
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import NO_TRAIT


@fact("hook", "the call: the hook that asks", "never", WORDS, NO_TRAIT)
def hook(spot: Spot, references: References) -> Question:
    """`hook: patient-view`, for cards whose criteria differ between looking at a chart and ordering."""
    wanted = words(spot, "the hook", frozenset(HOOKS))

    def judge(case: Case) -> Verdict:
        return Verdict(case.hook in wanted)

    return Question(f"asked by {spoken(wanted)}", judge, frozenset(), of_patient=True)
