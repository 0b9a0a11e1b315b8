"""From what one call delivered to the chart that a clinician would read."""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TypeVar

from cds_service.chart import Allergy, Chart, Gap, Medication, Problem, Section
from cds_service.fhir.allergies import read_allergies
from cds_service.fhir.calculated import with_calculated
from cds_service.fhir.concepts import concepts_of
from cds_service.fhir.conditions import read_conditions
from cds_service.fhir.elements import Entry
from cds_service.fhir.gather import Gathered
from cds_service.fhir.labs import read_labs
from cds_service.fhir.medications import read_medications
from cds_service.fhir.observed import read_observed
from cds_service.fhir.people import read_person
from cds_service.fhir.reading import Reading, loss_gaps
from cds_service.fhir.references import Index
from cds_service.hooks import HookRequest
from cds_service.pace import Check, no_limit
from cds_service.terminology import Terms

_Item = TypeVar("_Item", Medication, Problem, Allergy, Gap)
_ROLES = {"draft": 0, "taken": 1, "possibly-taken": 2, "stopped": 3}


def read_chart(
    request: HookRequest, gathered: Gathered, terms: Terms, now: datetime, tests: Collection[str] | None = None,
    check: Check = no_limit,
) -> Chart:  # fmt: skip
    """The chart of one call: immutable, the same whatever the order of the resources, with every gap named.

    Of laboratory results only those of `tests` are read, and of the tests they are calculated from; without it, all.
    `now` must carry a time zone. Never raises on the content of resources; `check` is called
    between them, also when an order's therapy is looked at later, and may end it all.
    """
    wanted = terms.sources(tests) if tests is not None else None
    reading = Reading(terms, concepts_of(terms), Index(lambda: _everything(gathered)), now, now.date(), wanted, check)
    person, person_gaps = read_person(_of(gathered, "patient"), reading.today)
    medicines = read_medications(gathered.drafts, _of(gathered, "medications"), reading)
    partial = gathered.states["observations"] == "partial"
    labs = read_labs(_of(gathered, "observations"), reading, partial=partial)
    conditions = read_conditions(_of(gathered, "conditions"), reading)
    allergies = read_allergies(_of(gathered, "allergies"), reading)
    problems = _once((*conditions.items, *read_observed(labs.stating, reading)), _by_name)
    gaps = (*gathered.gaps, *person_gaps, *medicines.gaps, *labs.gaps, *conditions.gaps, *allergies.gaps)
    return Chart(
        now=now,
        patient_id=request.patient_id,
        age=person.age,
        sex=person.sex,
        medications=_once(medicines.items, _by_role),
        labs=with_calculated(labs.labs, person, problems, terms, wanted),
        problems=problems,
        allergies=_once(allergies.items, _by_name),
        sections=gathered.states,
        gaps=_once((*gaps, *_losses(gathered)), _by_section),
        not_assessed={
            "medications": medicines.unassessed,
            "conditions": conditions.unassessed,
            "allergies": allergies.unassessed,
        },
    )


def _of(gathered: Gathered, section: Section) -> tuple[Entry, ...]:
    return gathered.resources.get(section, ())


def _everything(gathered: Gathered) -> Iterable[Entry]:
    """Everything delivered, for resolving references."""
    delivered = [entry for entries in gathered.resources.values() for entry in entries]
    return [*delivered, *gathered.beside, *(draft.entry for draft in gathered.drafts)]


def _losses(gathered: Gathered) -> list[Gap]:
    found = [gap for section, entries in gathered.resources.items() for gap in loss_gaps(section, entries)]
    return [*found, *loss_gaps("medications", (draft.entry for draft in gathered.drafts))]


def _once(items: tuple[_Item, ...], place: Callable[[_Item], tuple[object, ...]]) -> tuple[_Item, ...]:
    """Equal items once, in an order of their own and not that of their delivery."""
    distinct = len({item.reference for item in items}) == len(items)
    # Those of one place stay as delivered: a set would shuffle them anew in every process.
    return tuple(sorted(items if distinct else dict.fromkeys(items), key=place))


def _by_role(item: Medication) -> tuple[object, ...]:
    return _ROLES[item.role], item.name, item.reference, "" if item.reference else repr(item)


def _by_name(item: Problem | Allergy) -> tuple[object, ...]:
    return item.name, item.reference, "" if item.reference else repr(item)


def _by_section(item: Gap) -> tuple[object, ...]:
    return item.section, item.reason, item.about, item.reference, item.detail
