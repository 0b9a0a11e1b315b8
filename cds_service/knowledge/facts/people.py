"""Facts about the person: age and sex as recorded."""

from collections.abc import Mapping

from cds_service.chart import Section
from cds_service.knowledge.case import Absent, Case, Note, Verdict
from cds_service.knowledge.facts.compare import RELATIONS, WORDING, Bound, relation_of
from cds_service.knowledge.facts.registry import Question, fact
from cds_service.knowledge.quantities import plain
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot

_PATIENT: frozenset[Section] = frozenset({"patient"})
_NUMBER: Mapping[str, object] = {"type": "number"}
_YEARS = {"type": "object", "properties": dict.fromkeys(RELATIONS, _NUMBER), "additionalProperties": False}


@fact(
    "age",
    "the patient's age in whole years",
    "no birth date, or one too coarse to decide",
    _YEARS,
    frozenset({"date-of-birth"}),
)
def age(spot: Spot, references: References) -> Question:
    """`age: {at_least: 65}`."""
    relation, limit = relation_of(spot.mapping((), RELATIONS), spot)
    bound = Bound(relation, limit.number())

    def judge(case: Case) -> Verdict:
        found = case.chart.age
        if found is None:
            return Verdict(None, case.missing("patient") or (Absent("a birth date"),))
        return Verdict(bound.holds(found), (Note(f"{plain(found.high)} years"),))

    return Question(f"age {WORDING[relation]} {plain(bound.number)}", judge, _PATIENT, of_patient=True)


@fact(
    "sex",
    "the patient's administrative sex",
    "not recorded as female or male",
    {"enum": ["female", "male"]},
    frozenset({"sex"}),
)
def sex(spot: Spot, references: References) -> Question:
    """`sex: female`."""
    wanted = spot.choice("the sex", ("female", "male"))

    def judge(case: Case) -> Verdict:
        found = case.chart.sex
        if found is None:
            return Verdict(None, case.missing("patient") or (Absent("a recorded sex"),))
        return Verdict(found == wanted, (Note(found, found),))

    return Question(f"recorded as {wanted}", judge, _PATIENT, of_patient=True)
