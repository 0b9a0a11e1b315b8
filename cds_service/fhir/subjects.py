"""Whose data these are: nothing that belongs to another patient is ever used."""

from collections.abc import Iterable

from cds_service.fhir.elements import Entry, Resource
from cds_service.fhir.references import local_reference, plain_reference


def pointers_to_patient(patient_id: str, entries: Iterable[Entry]) -> frozenset[str]:
    """Every form in which a delivered resource may point to this patient."""
    own = patient_id.strip().rsplit("/", 1)[-1]
    names = {patient_id.strip(), own, f"Patient/{own}", f"urn:uuid:{own}"}
    for entry in entries:
        patient = entry.resource
        if patient is not None and patient.resource_type == "Patient" and (patient.id or "").strip() == own:
            names.add(plain_reference(entry.full_url or own))
    return frozenset(names)


def own_entries(entries: Iterable[Entry], ours: frozenset[str]) -> list[Entry]:
    """The entries that do not say that they belong to someone else."""
    found: list[Entry] = []
    for entry in entries:
        resource = entry.resource
        # The usual resource names its patient just so; the others are looked at closely.
        if resource is not None and resource.resource_type != "Patient" and resource.subject is not None:
            usual = resource.subject.reference in ours
        else:
            usual = False
        if usual or not of_another(entry, ours):
            found.append(entry)
    return found


def of_another(entry: Entry, ours: frozenset[str]) -> bool:
    """True when the resource says that it belongs to someone else.

    A resource that does not say (no subject, an identifier only, a contained patient) was delivered in answer to a
    query for this patient and is taken as theirs.
    """
    resource = entry.resource
    if resource is None:
        return False
    pointer = resource.subject or resource.patient
    if resource.resource_type == "Patient":
        return _another_patient(resource, entry.full_url, ours)
    if pointer is None or not pointer.reference:
        return False
    return not (pointer.reference.startswith("#") or _in(pointer.reference, ours))


def _another_patient(patient: Resource, full_url: str | None, ours: frozenset[str]) -> bool:
    if patient.id:
        return patient.id.strip() not in ours
    return bool(full_url) and not _in(full_url or "", ours)


def _in(reference: str, ours: frozenset[str]) -> bool:
    return reference in ours or plain_reference(reference) in ours or local_reference(reference) in ours
