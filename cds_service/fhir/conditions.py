"""The problem list of the chart."""

from collections.abc import Iterable

from cds_service.chart import Day, Gap, Problem
from cds_service.fhir.codeable import code_word, word
from cds_service.fhir.concepts import Stated
from cds_service.fhir.dates import day
from cds_service.fhir.elements import Entry, Resource, present
from cds_service.fhir.reading import Read, Reading, not_interpretable, of_type
from cds_service.fhir.references import reference_of

INACTIVE = frozenset({"inactive", "remission", "resolved"})
VOID = frozenset({"refuted", "entered-in-error"})


def read_conditions(entries: Iterable[Entry], reading: Reading) -> Read[Problem]:
    """Every entry of the problem list that means something to the terminology; the others are counted.

    Refuted and void entries are left out. An entry counts as active unless its status or an abatement in the past says
    otherwise: an abatement beside the status "active" contradicts it, and FHIR (con-4) gives the abatement the right.
    """
    found: list[Problem] = []
    gaps: list[Gap] = []
    unassessed = 0
    for entry, condition in of_type(entries, "Condition"):
        reading.check()
        if code_word(condition.verification_status) in VOID:
            continue
        gap = not_interpretable("conditions", entry, condition)
        if gap is not None:
            gaps.append(gap)
            continue
        stated = reading.concepts.condition(condition.code)
        if stated.match.concepts or stated.match.unclear:
            found.append(_problem(entry, condition, stated, reading))
        else:
            unassessed += 1
    return Read(tuple(found), tuple(gaps), unassessed)


def _problem(entry: Entry, condition: Resource, stated: Stated, reading: Reading) -> Problem:
    # An older or wrong `status` element is used only where clinicalStatus is missing.
    status = code_word(condition.clinical_status) or word(condition.status)
    return Problem(
        name=stated.name,
        concepts=stated.match.concepts,
        active=status not in INACTIVE and not _abated(condition, reading),
        reference=reference_of(entry),
        unclear=stated.match.unclear,
        recorded=_recorded(condition),
    )


def _recorded(condition: Resource) -> Day | None:
    """When the entry was made, else about when the condition began."""
    began = condition.onset_date_time or (condition.onset_period.start if condition.onset_period is not None else None)
    return day(condition.recorded_date) or day(condition.asserted_date) or day(began, about=True)


def _abated(condition: Resource, reading: Reading) -> bool:
    """Whether an abatement is stated that has come: a date in the past, an age, words."""
    ended = day(condition.abatement_date_time) or day(
        condition.abatement_period.end if condition.abatement_period is not None else None
    )
    if ended is not None:
        return ended.last <= reading.today
    stated = present(condition.abatement_age) or present(condition.abatement_range) or bool(condition.abatement_string)
    return stated or bool(condition.abatement_boolean)
