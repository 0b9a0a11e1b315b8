"""What an order means for the patient: being written, taken, possibly taken, stopped, or nothing."""

from collections.abc import Iterable
from datetime import date

from cds_service.chart import Day, Role
from cds_service.fhir.codeable import word
from cds_service.fhir.dates import day
from cds_service.fhir.elements import ABSENT, Dosage, Period, Resource, present

_ENDED = frozenset({"stopped", "completed", "cancelled"})
_NEVER_TAKEN = frozenset({"entered-in-error", "on-hold", "draft", "intended", "not-taken"})
_ORDERED = frozenset({"order", "original-order", "reflex-order", "instance-order", "filler-order", "plan", ""})
_NOT_ORDERED = frozenset({"proposal", "option"})


def role_of(order: Resource, today: date) -> Role | None:
    """The role of an order or a medication statement on the patient's list; None when it is no part of therapy.

    An active order whose own end lies in the past is only possibly taken, like one of unknown or odd status: systems
    often leave finished courses active, and forgetting a medicine is worse than asking about it.
    """
    status, intent = word(order.status), word(order.intent)
    if order.do_not_perform or status in _NEVER_TAKEN:
        return None
    # Proposals are no part of therapy; a plan is one only when it reports what the patient takes.
    if intent in _NOT_ORDERED or (intent == "plan" and not order.reported_boolean):
        return None
    if status in _ENDED:
        return "stopped"
    if status != "active" or (intent not in _ORDERED and order.resource_type != "MedicationStatement"):
        return "possibly-taken"
    ended = end_of(order)
    return "possibly-taken" if ended is not None and ended.last < today else "taken"


def draft_role(order: Resource) -> Role | None:
    """The role of an order being written. One written to end an order is `stopped`; a void one is nothing."""
    status = word(order.status)
    if order.do_not_perform or status == "entered-in-error":
        return None
    return "stopped" if status in _ENDED else "draft"


def from_older_release(order: Resource) -> bool:
    """Whether an order has the shape of FHIR DSTU2 or STU3, which is not read."""
    if order.resource_type != "MedicationRequest":
        return order.resource_type == "MedicationOrder"
    if order.context is ABSENT and (order.requester is None or order.requester.agent is ABSENT):
        return False
    return present(order.context) or (order.requester is not None and present(order.requester.agent))


def start_of(order: Resource) -> Day | None:
    """When taking it began: the start stated in the dosage, else when the order was written."""
    starts = [found for period in _bounds(order) if (found := day(period.start)) is not None]
    if starts:
        return min(starts, key=lambda start: start.first)
    stated = order.effective_period.start if order.effective_period is not None else order.effective_date_time
    return day(stated) or written_on(order)


def written_on(order: Resource) -> Day | None:
    """When this order was written or the statement made."""
    return day(order.authored_on) or day(order.date_asserted)


def stop_of(order: Resource, today: date) -> Day | None:
    """When a stopped order ended. R4 has no such element: a stated end that has passed, else about the last change."""
    ended = end_of(order)
    if ended is not None and ended.first <= today:
        return ended
    return day(order.meta.last_updated, about=True) if order.meta is not None else None


def end_of(order: Resource) -> Day | None:
    """The end that the order itself states: of the dosage, of the supply, of the statement."""
    ends = [found for period in _bounds(order) if (found := day(period.end)) is not None]
    if ends:
        return max(ends, key=lambda end: end.last)
    supply = order.dispense_request.validity_period if order.dispense_request is not None else None
    return (day(supply.end) if supply is not None else None) or (
        day(order.effective_period.end) if order.effective_period is not None else None
    )


def instructions(order: Resource) -> Iterable[Dosage | None]:
    """The dosage instructions of an order or a statement."""
    return order.dosage_instruction or order.dosage or ()


def _bounds(order: Resource) -> list[Period]:
    return [
        repeat.bounds_period
        for dosage in instructions(order)
        if dosage is not None
        and dosage.timing is not None
        and (repeat := dosage.timing.repeat) is not None
        and repeat.bounds_period is not None
    ]
