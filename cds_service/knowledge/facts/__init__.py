"""The vocabulary: every fact a card may ask, by name. Each module registers the facts of one subject."""

from cds_service.knowledge.facts import calls, conditions, doses, labs, medicines, partners, people
from cds_service.knowledge.facts.registry import FACTS, Fact, Question

__all__ = [
    "FACTS",
    "Fact",
    "Question",
    "calls",
    "conditions",
    "doses",
    "labs",
    "medicines",
    "partners",
    "people",
]
