"""The allergies and intolerances of the chart."""

from collections.abc import Iterable

from cds_service.chart import Allergy, Gap
from cds_service.fhir.codeable import code_word, codings, name_of, text_of
from cds_service.fhir.conditions import INACTIVE, VOID
from cds_service.fhir.dates import day
from cds_service.fhir.elements import CodeableConcept, Entry, Resource
from cds_service.fhir.reading import Read, Reading, not_interpretable, of_type
from cds_service.fhir.references import reference_of
from cds_service.terminology import SubstanceMatch


def read_allergies(entries: Iterable[Entry], reading: Reading) -> Read[Allergy]:
    """Every allergy to something the terminology knows, by its own code and by the substances of its reactions."""
    found: list[Allergy] = []
    gaps: list[Gap] = []
    unassessed = 0
    for entry, allergy in of_type(entries, "AllergyIntolerance"):
        reading.check()
        if code_word(allergy.verification_status) in VOID:
            continue
        gap = not_interpretable("allergies", entry, allergy)
        if gap is not None:
            gaps.append(gap)
            continue
        match = _match(allergy, reading)
        if match.substances or match.unclear:
            found.append(_allergy(entry, allergy, match))
        else:
            unassessed += 1
    return Read(tuple(found), tuple(gaps), unassessed)


def _match(allergy: Resource, reading: Reading) -> SubstanceMatch:
    reactions = [reaction.substance for reaction in allergy.reaction or () if reaction is not None]
    concepts: list[CodeableConcept] = [concept for concept in (allergy.code, *reactions) if concept is not None]
    found = [reading.terms.substance(codings(concept), text_of(concept)) for concept in concepts]
    substances: frozenset[str] = frozenset().union(*(match.substances for match in found))
    unclear: frozenset[str] = frozenset().union(*(match.unclear for match in found))
    return SubstanceMatch(substances, unclear - substances)


def _allergy(entry: Entry, allergy: Resource, match: SubstanceMatch) -> Allergy:
    return Allergy(
        name=name_of(allergy.code),
        substances=match.substances,
        active=code_word(allergy.clinical_status) not in INACTIVE,
        reference=reference_of(entry),
        unclear=match.unclear,
        recorded=day(allergy.recorded_date) or day(allergy.asserted_date) or day(allergy.onset_date_time, about=True),
    )
