"""What the readers of the single sections share: the terminology, the clock, and where references lead."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from cds_service.chart import Gap, Section
from cds_service.fhir.concepts import Concepts
from cds_service.fhir.decode import EXPECTED
from cds_service.fhir.elements import ABSENT, Entry, Resource, present
from cds_service.fhir.references import Index, reference_of
from cds_service.pace import Check, no_limit
from cds_service.terminology import Terms

_Item = TypeVar("_Item")
_COMBINED = 3
_SUBJECT_MATTER = re.compile(r"^\w+\.(?:code|medicationCodeableConcept|component|contained)\b")
_READ = {**EXPECTED, "medications": EXPECTED["medications"] | {"Medication"}}


class Reading(Struct, frozen=True):
    """The surroundings in which one call's resources are read. `today` is the date of `now`.

    `concepts` are what the terms make of concepts. `tests` are the laboratory tests somebody asks for; None means all
    that are known. `check` is called for each resource and may end the reading.
    """

    terms: Terms
    concepts: Concepts
    index: Index
    now: datetime
    today: date
    tests: frozenset[str] | None = None
    check: Check = no_limit

    def least_results(self, test: str) -> int:
        """How many of the newest results of a test are read: a few where others are combined with them by the day."""
        return _COMBINED if test in self.terms.combined else 1


class Read(NamedTuple, Generic[_Item]):
    """What a section came to. `unassessed` counts entries whose codes mean nothing to the terminology."""

    items: tuple[_Item, ...]
    gaps: tuple[Gap, ...] = ()
    unassessed: int = 0


def of_type(entries: Iterable[Entry], kind: str) -> list[tuple[Entry, Resource]]:
    """The entries whose resource is of this type."""
    return [
        (entry, resource)
        for entry in entries
        if (resource := entry.resource) is not None and resource.resource_type == kind
    ]


def not_interpretable(section: Section, entry: Entry, resource: Resource) -> Gap | None:
    """The gap for a resource with a modifier extension: FHIR forbids reading it without understanding that."""
    if resource.modifier_extension is ABSENT or not present(resource.modifier_extension):
        return None
    return Gap(section, "not-interpreted", detail="an extension changes its meaning", reference=reference_of(entry))


def loss_gaps(section: Section, entries: Iterable[Entry]) -> list[Gap]:
    """One gap for each resource that is read here and of which something had the wrong shape and was left out.

    It is grave where that is what the resource is about: then no card can know that it concerns it.
    """
    return [
        Gap(
            section,
            "wrong-shape",
            detail=f"left out: {', '.join(entry.losses[:5])}",
            reference=reference_of(entry),
            grave=any(map(_SUBJECT_MATTER.search, entry.losses)),
        )
        for entry in entries
        if entry.losses and entry.resource is not None and entry.resource.resource_type in _READ[section]
    ]
