"""The medicines of the chart: drafts, what is taken, what was stopped."""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from cds_service.chart import Day, Dose, Gap, Later, Medication, Reason, Role, Therapy
from cds_service.fhir.codeable import short, told
from cds_service.fhir.concepts import Drug
from cds_service.fhir.dosage import dose_of
from cds_service.fhir.drafts import Draft
from cds_service.fhir.drugs import drug_of
from cds_service.fhir.elements import CodeableConcept, Entry, Resource
from cds_service.fhir.reading import Read, Reading, not_interpretable
from cds_service.fhir.references import reference_of
from cds_service.fhir.roles import (
    draft_role,
    from_older_release,
    instructions,
    role_of,
    start_of,
    stop_of,
    written_on,
)

_TYPES = ("MedicationRequest", "MedicationStatement", "MedicationOrder")


class _Line(Struct, frozen=True):
    """One order read: a medicine, or the gap it left, or only a code not understood."""

    medication: Medication | None = None
    gap: Gap | None = None
    unassessed: bool = False


def read_medications(drafts: Iterable[Draft], entries: Iterable[Entry], reading: Reading) -> Read[Medication]:
    """Every medicine that a card may look at, and what could not be read.

    An order that a judged draft revises stays beside it while it is of the same medicine: what is taken so far decides
    whether the draft is a start. One that the draft ends, or turns into another medicine, is represented by the draft
    alone. Orders of medicines that the terminology does not know are counted, not listed; drafts are always listed.
    """
    drafts = tuple(drafts)
    lines = [_draft(draft, reading) for draft in drafts]
    revised = {
        reference_of(draft.entry): line.medication
        for draft, line in zip(drafts, lines, strict=True)
        if draft.judged and line.gap is None and draft.entry.resource is not None and draft.entry.resource.id
    }
    for entry in entries:
        order = entry.resource
        if order is None or order.resource_type not in _TYPES:
            continue
        reading.check()
        reference = reference_of(entry)
        line = _order(entry, order, reference, reading)
        if reference not in revised or _goes_on(line, revised[reference]):
            lines.append(line)
    return Read(
        tuple([line.medication for line in lines if line.medication is not None]),
        tuple([line.gap for line in lines if line.gap is not None]),
        sum([line.unassessed for line in lines]),
    )


def _goes_on(line: _Line, draft: Medication | None) -> bool:
    """Whether the medicine of an order in force is ordered on by the draft that revises it."""
    before = line.medication
    if before is None or draft is None or draft.role != "draft":
        return False
    return before.role != "stopped" and bool(before.ingredients) and before.ingredients == draft.ingredients


def _draft(draft: Draft, reading: Reading) -> _Line:
    reading.check()
    order = draft.entry.resource
    role = draft_role(order) if order is not None else None
    if order is None or role is None or (role == "stopped" and not draft.judged):
        return _Line()
    gap = _unreadable(draft.entry, order)
    if gap is not None:
        return _Line(gap=replace(gap, grave=draft.judged))
    drug = drug_of(order, reading)
    if not drug.stated:
        return _Line()
    # An order being signed off as ended ends about now, unless it says when.
    ends = Day(reading.today, reading.today, about=True)
    made = replace(
        _medication(draft.entry, order, reference_of(draft.entry), drug, role, reading, ends),
        judged=role == "draft" and draft.judged,
        as_sent=draft.as_sent,
        editable=role == "draft" and _editable(draft.entry, order),
    )
    unknown = None if drug.legible else replace(_drug_unknown(draft.entry), grave=draft.judged)
    return _Line(made, unknown, drug.match.confidence == "none")


def _order(entry: Entry, order: Resource, reference: str, reading: Reading) -> _Line:
    role = role_of(order, reading.today)
    if role is None:
        return _Line()
    gap = _unreadable(entry, order)
    if gap is not None:
        return _Line(gap=gap)
    drug = drug_of(order, reading)
    if drug.match.confidence == "none" and not drug.match.watched:
        return _Line(gap=None if drug.legible or role == "stopped" else _drug_unknown(entry), unassessed=True)
    return _Line(_medication(entry, order, reference, drug, role, reading), unassessed=drug.match.confidence == "none")


def _unreadable(entry: Entry, order: Resource) -> Gap | None:
    if from_older_release(order):
        detail = "an order in the shape of an older FHIR release"
        return Gap("medications", "older-release", detail=detail, reference=reference_of(entry))
    return not_interpretable("medications", entry, order)


def _drug_unknown(entry: Entry) -> Gap:
    detail = "an order does not say which medicine it is for"
    return Gap("medications", "drug-unknown", detail=detail, reference=reference_of(entry))


def _medication(
    entry: Entry, order: Resource, reference: str, drug: Drug, role: Role, reading: Reading, ends: Day | None = None
) -> Medication:
    match = drug.match
    route = _route(order, drug, reading)
    return Medication(
        reference=reference,
        name=drug.name or " / ".join(match.ingredients),
        ingredients=match.ingredients,
        classes=reading.concepts.meant((match.classes, route)),
        confidence=match.confidence,
        role=role,
        watched=match.watched,
        route=route,
        therapy=Later(lambda: _therapy(entry, order, match.strength_mg, role, ends, reading)),
        code=match.code,
        reported=order.resource_type == "MedicationStatement" or bool(order.reported_boolean),
    )


def _therapy(
    entry: Entry, order: Resource, strength: float | None, role: Role, ends: Day | None, reading: Reading
) -> Therapy:
    reading.check()
    return Therapy(
        reasons=tuple(_reasons(order, reading)),
        dose=_dose(entry, order, strength),
        started=start_of(order),
        changed=written_on(order),
        stopped=(stop_of(order, reading.today) or ends) if role == "stopped" else None,
    )


def _dose(entry: Entry, order: Resource, strength: float | None) -> Dose:
    dose = dose_of(instructions(order), strength)
    if any(".dosage" in loss for loss in entry.losses):
        # A part of the dosage was left out: what remains may be a smaller dose than the one ordered.
        return Dose(text=dose.text, problem="a part of the dosage has the wrong shape", written=True)
    return dose


def _route(order: Resource, drug: Drug, reading: Reading) -> str:
    """The route in the dosage; else that of the product. Instructions that disagree give none."""
    said = ""
    for dosage in order.dosage_instruction or order.dosage or ():
        if dosage is not None and dosage.route is not None and (route := reading.concepts.route(dosage.route)):
            if said and route != said:
                return ""
            said = route
    return said or drug.match.route or (reading.concepts.route(drug.form) if drug.form is not None else "")


def _reasons(order: Resource, reading: Reading) -> Iterator[Reason]:
    for concept in order.reason_code or ():
        if concept is not None:
            yield _reason(concept, "", reading)
    for pointer in order.reason_reference or ():
        if pointer is not None:
            held = reading.index.resolve(pointer, order)
            stated = held.code if held is not None and held.resource_type == "Condition" else None
            yield _reason(stated, short(pointer.display), reading)


def _reason(concept: CodeableConcept | None, beside: str, reading: Reading) -> Reason:
    stated, read = reading.concepts.condition(concept), told(concept)
    found = reading.terms.concepts(read.codings, beside) if beside and not read.text else stated.match
    return Reason(found.concepts, stated.name or beside, understood=bool(found.concepts), unclear=found.unclear)


def _editable(entry: Entry, order: Resource) -> bool:
    """Whether the whole order can be sent back with one change: it has an id and what R4 requires, in its shape."""
    required = (order.id, order.status, order.intent, order.subject)
    return order.resource_type == "MedicationRequest" and not entry.losses and all(required)
