"""Observations as delivered: where they stand, what their code means, when they were made."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from cds_service.fhir.concepts import ObservationCode
from cds_service.fhir.dates import Moment, moment
from cds_service.fhir.elements import Entry, Resource
from cds_service.fhir.reading import Reading
from cds_service.fhir.references import reference_of

VOID = frozenset({"entered-in-error", "cancelled"})


class Source(Struct, frozen=True):
    """An Observation as delivered; `parent` is the report that contains it, `entry` either of them."""

    entry: Entry
    observation: Resource
    code: ObservationCode
    parent: Resource | None = None

    @property
    def reference(self) -> str:
        """How it is pointed to; one inside a report by the place within that."""
        if self.parent is None:
            return reference_of(self.entry)
        return f"{reference_of(self.entry)}#{(self.observation.id or '').lstrip('#')}"


def sources(entries: Iterable[Entry], reading: Reading) -> Iterator[Source]:
    """Every Observation, those contained in a DiagnosticReport included (they borrow its time)."""
    meaning = reading.concepts.observation
    for entry in entries:
        resource = entry.resource
        if resource is None:
            continue
        reading.check()
        if resource.resource_type == "Observation":
            yield Source(entry, resource, meaning(resource.code))
        elif resource.resource_type == "DiagnosticReport":
            for held in resource.contained or ():
                if held is not None and held.resource_type == "Observation":
                    reading.check()
                    yield Source(entry, held, meaning(held.code), resource)


def taken_at(source: Source) -> tuple[Moment | None, bool]:
    """When the specimen was taken, else when the result was released (then True)."""
    observation, parent = source.observation, source.parent
    found = moment(observation.effective_date_time) or _stated(observation)
    if found is None and parent is not None:
        found = moment(parent.effective_date_time) or _stated(parent)
    if found is not None:
        return found, False
    return moment(observation.issued) or moment(parent.issued if parent is not None else None), True


def _stated(resource: Resource) -> Moment | None:
    period = resource.effective_period
    ended = moment(period.end) or moment(period.start) if period is not None else None
    return ended or moment(resource.effective_instant)
