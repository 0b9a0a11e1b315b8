"""The elements of FHIR R4 that a card can read, as typed structs; everything else in a resource is skipped undecoded.

One struct, `Resource`, holds the union of what is read of all resource types, so that a whole Bundle decodes in one
call. Names, addresses and identifiers of people are not here: they are never decoded. Every member may be missing, and
a list may hold nulls. Members whose shape differs between resource types, or of which only the presence counts, stay
`Raw` JSON until somebody asks for them.

Lists inside a resource and the words of codes have a greatest length, far above what clinical systems send: the work
that one resource costs must have a bound. What is longer does not fit, so that `lenient` cuts it and names the loss.
"""

from typing import Annotated

import msgspec
from msgspec import Raw, Struct

MOST_ITEMS = 1_000
LONGEST_WORDS = 20_000
Words = Annotated[str, msgspec.Meta(max_length=LONGEST_WORDS)]
_FEW = msgspec.Meta(max_length=MOST_ITEMS)
# What a raw member holds when it was not sent; one object, so that the usual case is an identity check.
ABSENT = Raw()


class Coding(Struct, gc=False, frozen=True):
    """One code of one code system."""

    system: str | None = None
    code: Words | None = None
    display: Words | None = None


class CodeableConcept(Struct, gc=False, frozen=True):
    """Codes for one meaning, and its words; frozen, so that what was made of it can be looked up by itself."""

    coding: Annotated[tuple[Coding | None, ...], _FEW] | None = None
    text: Words | None = None


class Reference(Struct, gc=False):
    """A pointer to another resource."""

    reference: str | None = None
    type: str | None = None
    display: str | None = None


class Quantity(Struct, gc=False):
    """A measured amount; the number stays as sent, so that 3.10 is quoted as 3.10 and 1e400 harms nothing."""

    value: Raw = ABSENT
    unit: str | None = None
    system: str | None = None
    code: str | None = None
    comparator: str | None = None


class Period(Struct, gc=False):
    """From when to when."""

    start: str | None = None
    end: str | None = None


class QuantityRange(Struct, gc=False):
    """From how much to how much."""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Struct, gc=False):
    """An amount per another amount."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Meta(Struct, gc=False, rename="camel"):
    """When the resource last changed on its server."""

    last_updated: str | None = None


class Annotation(Struct, gc=False):
    """A note; read for the words that spoil a specimen, never quoted."""

    text: Words | None = None


class TimingRepeat(Struct, gc=False, rename="camel"):
    """How often a dose is taken."""

    bounds_period: Period | None = None
    frequency: float | None = None
    frequency_max: float | None = None
    period: float | None = None
    period_max: float | None = None
    period_unit: str | None = None
    day_of_week: Annotated[list[str | None], _FEW] | None = None
    time_of_day: Annotated[list[str | None], _FEW] | None = None
    when: Annotated[list[str | None], _FEW] | None = None


class Timing(Struct, gc=False):
    """When a dose is taken."""

    repeat: TimingRepeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Struct, gc=False, rename="camel"):
    """How much is taken each time."""

    type: CodeableConcept | None = None
    dose_quantity: Quantity | None = None
    dose_range: QuantityRange | None = None


class Dosage(Struct, gc=False, rename="camel"):
    """One dosage instruction. `dose_quantity` stands here only in older or slightly wrong orders."""

    sequence: float | None = None
    text: str | None = None
    timing: Timing | None = None
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None
    route: CodeableConcept | None = None
    dose_and_rate: Annotated[list[DoseAndRate | None], _FEW] | None = None
    max_dose_per_period: Ratio | None = None
    dose_quantity: Quantity | None = None
    modifier_extension: Raw = ABSENT


class DispenseRequest(Struct, gc=False, rename="camel"):
    """The supply an order allows."""

    validity_period: Period | None = None


class Requester(Struct, gc=False):
    """Only whether it has the shape of the older release STU3."""

    agent: Raw = ABSENT


class Ingredient(Struct, gc=False, rename="camel"):
    """What a medicine contains."""

    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None
    strength: Ratio | None = None


class ReferenceRange(Struct, gc=False):
    """The laboratory's own limits."""

    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None


class Component(Struct, gc=False, rename="camel"):
    """One result among several of an Observation."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: Raw = ABSENT
    value_boolean: Raw = ABSENT
    value_integer: Raw = ABSENT
    data_absent_reason: CodeableConcept | None = None
    interpretation: Annotated[list[CodeableConcept | None], _FEW] | None = None
    reference_range: Annotated[list[ReferenceRange | None], _FEW] | None = None


class Reaction(Struct, gc=False):
    """The substance behind one allergic event."""

    substance: CodeableConcept | None = None


class Issue(Struct, gc=False):
    """How serious an OperationOutcome is."""

    severity: str | None = None


class Link(Struct, gc=False):
    """A link of a Bundle, such as the next page."""

    relation: str | None = None


class Resource(Struct, gc=False, rename="camel"):
    """Any resource: the union of the members read of all types. Bundles hold further resources in `entry`."""

    resource_type: str | None = None
    id: str | None = None
    meta: Meta | None = None
    contained: Annotated[list["Resource | None"], _FEW] | None = None
    modifier_extension: Raw = ABSENT
    status: str | None = None
    # MedicationRequest, MedicationStatement
    intent: str | None = None
    do_not_perform: bool | None = None
    reported_boolean: bool | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    # Condition, AllergyIntolerance
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: CodeableConcept | None = None
    body_site: Raw = ABSENT
    subject: Reference | None = None
    patient: Reference | None = None
    context: Raw = ABSENT
    requester: Requester | None = None
    authored_on: str | None = None
    date_asserted: str | None = None
    # Observation
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_instant: str | None = None
    issued: str | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: Raw = ABSENT
    value_boolean: Raw = ABSENT
    value_integer: Raw = ABSENT
    value_date_time: str | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: Annotated[list[CodeableConcept | None], _FEW] | None = None
    note: Annotated[list[Annotation | None], _FEW] | None = None
    comment: str | None = None
    specimen: Raw = ABSENT
    reference_range: Annotated[list[ReferenceRange | None], _FEW] | None = None
    has_member: Raw = ABSENT
    component: Annotated[list[Component | None], _FEW] | None = None
    # Condition, AllergyIntolerance
    onset_date_time: str | None = None
    onset_period: Period | None = None
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    abatement_age: Raw = ABSENT
    abatement_range: Raw = ABSENT
    abatement_string: str | None = None
    abatement_boolean: bool | None = None
    recorded_date: str | None = None
    asserted_date: str | None = None
    reaction: Annotated[list[Reaction | None], _FEW] | None = None
    # MedicationRequest, MedicationStatement
    reason_code: Annotated[list[CodeableConcept | None], _FEW] | None = None
    reason_reference: Annotated[list[Reference | None], _FEW] | None = None
    dosage_instruction: Annotated[list[Dosage | None], _FEW] | None = None
    dosage: Annotated[list[Dosage | None], _FEW] | None = None
    dispense_request: DispenseRequest | None = None
    # Medication, Specimen
    form: CodeableConcept | None = None
    ingredient: Annotated[list[Ingredient | None], _FEW] | None = None
    type: Raw = ABSENT
    # Patient
    gender: str | None = None
    birth_date: str | None = None
    # Bundle, OperationOutcome
    total: Raw = ABSENT
    link: list[Link | None] | None = None
    entry: list["Entry | None"] | None = None
    issue: list[Issue | None] | None = None


class Entry(Struct, gc=False, rename="camel"):
    """One resource as delivered, with the address it has in its Bundle. `losses` names members that did not fit."""

    full_url: str | None = None
    resource: Resource | None = None
    losses: tuple[str, ...] = ()


def present(raw: Raw) -> bool:
    """True when a member kept as raw JSON says anything: it is there, not null and not empty."""
    return raw is not ABSENT and bytes(raw) not in (b"", b"null", b"[]", b"{}", b'""')
