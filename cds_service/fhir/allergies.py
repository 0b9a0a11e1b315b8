"""The allergies and intolerances of the chart."""

from collections.abc import Iterable

from cds_service.chart import Allergy, Gap
from cds_service.fhir.codeable import code_word
from cds_service.fhir.conditions import INACTIVE, VOID
from cds_service.fhir.dates import day
from cds_service.fhir.elements import Entry, Resource
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
        named = reading.concepts.allergen(allergy.code)
        match = _with_reactions(named.match, allergy, reading) if allergy.reaction else named.match
        if match.substances or match.unclear:
            found.append(_allergy(entry, allergy, named.name, match))
        else:
            unassessed += 1
    return Read(tuple(found), tuple(gaps), unassessed)


def _with_reactions(own: SubstanceMatch, allergy: Resource, reading: Reading) -> SubstanceMatch:
    """What the allergy's own code names, and the substances behind its reactions."""
    reactions = [reaction for reaction in allergy.reaction or () if reaction is not None]
    found = [own, *(reading.concepts.allergen(reaction.substance).match for reaction in reactions)]
    substances: frozenset[str] = frozenset().union(*(match.substances for match in found))
    unclear: frozenset[str] = frozenset().union(*(match.unclear for match in found))
    return SubstanceMatch(substances, unclear - substances)


def _allergy(entry: Entry, allergy: Resource, name: str, match: SubstanceMatch) -> Allergy:
    return Allergy(
        name=name,
        substances=match.substances,
        active=code_word(allergy.clinical_status) not in INACTIVE,
        reference=reference_of(entry),
        unclear=match.unclear,
        recorded=day(allergy.recorded_date) or day(allergy.asserted_date) or day(allergy.onset_date_time, about=True),
    )
