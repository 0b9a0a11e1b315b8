"""Facts about the problem list and the allergies."""

from collections.abc import Iterable, Mapping

from cds_service.chart import Allergy, Gap, Problem, Section
from cds_service.knowledge.case import Case, Evidence, Verdict
from cds_service.knowledge.facts.registry import TRUE, WORDS, Question, classes_spoken, fact, marked, spoken, words
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.traits import NO_TRAIT, Trait

_CONDITIONS: frozenset[Section] = frozenset({"conditions"})
_ALLERGIES: frozenset[Section] = frozenset({"allergies"})
PREGNANCY = "pregnancy"
# What a condition says of the person, whichever fact asks for it. A pregnancy also tells the sex.
CONCEPT_TRAITS: Mapping[str, frozenset[Trait]] = {PREGNANCY: frozenset({"sex", "health-status-assessments"})}


@fact(
    "has_condition",
    "the problem list: an active entry of a concept (`ever`: also a resolved one; `in_words`: also one named in words)",
    "the problem list was not delivered, or an entry hints at the concept without a code that says so",
    {
        "oneOf": [
            WORDS,
            {
                "type": "object",
                "required": ["concept"],
                "properties": {"concept": WORDS, "ever": TRUE, "in_words": TRUE},
                "additionalProperties": False,
            },
        ]
    },
    NO_TRAIT,
)
def has_condition(spot: Spot, references: References) -> Question:
    """`has_condition: some-concept`, `has_condition: {concept: [a, b], ever: true, in_words: true}`."""
    concept, ever, in_words = spot, False, False
    if isinstance(spot.value, dict):
        members = spot.mapping(["concept"], ["ever", "in_words"])
        concept, ever, in_words = members["concept"], marked(members, "ever"), marked(members, "in_words")
    wanted = frozenset(words(concept, "the condition", references.concepts))
    names = spoken(tuple(references.concepts[name] for name in sorted(wanted)))
    text = f"{names} recorded, now or in the past" if ever else f"{names} on the problem list"
    return Question(text, lambda case: _condition(case, wanted, ever, in_words), _CONDITIONS, of_patient=True)


@fact(
    "pregnant",
    "a recorded pregnancy that is not over",
    "the problem list was not delivered",
    TRUE,
    CONCEPT_TRAITS[PREGNANCY],
)
def pregnant(spot: Spot, references: References) -> Question:
    """`pregnant: true`; never inferred from age or sex."""
    spot.true()
    wanted = frozenset({PREGNANCY})
    needs: frozenset[Section] = frozenset({"conditions", "observations"})
    return Question("a pregnancy is recorded", lambda case: _condition(case, wanted), needs, of_patient=True)


def _condition(case: Case, wanted: frozenset[str], ever: bool = False, in_words: bool = False) -> Verdict:
    entries = [problem for problem in case.chart.problems if problem.active or ever]
    found = [
        problem
        for problem in entries
        if not problem.concepts.isdisjoint(wanted) or (in_words and not problem.unclear.isdisjoint(wanted))
    ]
    if found:
        return Verdict(True, tuple(found))
    gaps = _unclear(entries, wanted, "conditions") + case.missing("conditions")
    return Verdict(None, gaps) if gaps else Verdict(False)


@fact(
    "allergic_to",
    "the allergy list: an active entry about one of the classes, ingredients or allergy concepts",
    "the allergy list was not delivered, or an entry hints at it without a code that says so",
    WORDS,
    NO_TRAIT,
)
def allergic_to(spot: Spot, references: References) -> Question:
    """`allergic_to: some-class`."""
    allowed = frozenset(references.terms.classes) | references.terms.ingredients | frozenset(references.concepts)
    wanted = frozenset(words(spot, "the substance", allowed))

    def judge(case: Case) -> Verdict:
        found = tuple(entry for entry in case.chart.allergies if entry.active and entry.substances & wanted)
        if found:
            return Verdict(True, found)
        gaps: tuple[Evidence, ...] = (
            *_unclear([entry for entry in case.chart.allergies if entry.active], wanted, "allergies"),
            *case.missing("allergies"),
        )
        return Verdict(None, gaps) if gaps else Verdict(False)

    return Question(
        f"allergy to {classes_spoken(tuple(sorted(wanted)), references)} recorded", judge, _ALLERGIES, of_patient=True
    )


def _unclear(entries: Iterable[Problem | Allergy], wanted: frozenset[str], section: Section) -> tuple[Gap, ...]:
    """Entries whose words hint at a concept that no code of theirs confirms."""
    return tuple([
        Gap(section, "code-not-understood", min(entry.unclear & wanted), "an entry without a code we know",
            entry.reference)
        for entry in entries
        if not entry.unclear.isdisjoint(wanted)
    ])  # fmt: skip
