"""The FHIR R4 resources inside suggestions: drafts returned whole with one named edit, if legal."""

import json
from collections.abc import Mapping
from typing import Any

from cds_service.chart import Medication

# MedicationRequest as FHIR R4 defines it (hl7.org/fhir/R4/medicationrequest.html):
# L list, O object, S string, B boolean.
_ELEMENTS = {
    "resourceType": "S", "id": "S", "meta": "O", "implicitRules": "S", "language": "S", "text": "O", "contained": "L",
    "extension": "L", "modifierExtension": "L", "identifier": "L", "status": "S", "statusReason": "O", "intent": "S",
    "category": "L", "priority": "S", "doNotPerform": "B", "reportedBoolean": "B", "reportedReference": "O",
    "medicationCodeableConcept": "O", "medicationReference": "O", "subject": "O", "encounter": "O",
    "supportingInformation": "L", "authoredOn": "S", "requester": "O", "performer": "O", "performerType": "O",
    "recorder": "O", "reasonCode": "L", "reasonReference": "L", "instantiatesCanonical": "L", "instantiatesUri": "L",
    "basedOn": "L", "groupIdentifier": "O", "courseOfTherapyType": "O", "insurance": "L", "note": "L",
    "dosageInstruction": "L", "dispenseRequest": "O", "substitution": "O", "priorPrescription": "O",
    "detectedIssue": "L", "eventHistory": "L",
}  # fmt: skip
_KINDS: Mapping[str, type] = {"L": list, "O": dict, "S": str, "B": bool}
_STATUSES = ("active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown")
_INTENTS = ("proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option")
_DOSAGE_LISTS = ("additionalInstruction", "doseAndRate", "extension", "modifierExtension")

Json = dict[str, Any]


def edited(draft: Medication, changes: Mapping[str, object]) -> Json | str:
    """The whole draft with the changed members in place of its own, or why that is not a legal R4 order."""
    try:
        sent = json.loads(draft.as_sent) if draft.as_sent else None
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        return "the order was not sent as a resource"
    whole_order = {**sent, **changes}
    problem = illegal(whole_order)
    return problem or whole_order


def illegal(order: Json) -> str:
    """Why a MedicationRequest could not be returned as legal FHIR R4; empty when it could."""
    for name, value in order.items():
        if name.startswith("_"):
            continue
        kind = _ELEMENTS.get(name)
        if kind is None:
            return f"the order holds {name[:40]}, which FHIR R4 does not know"
        if not isinstance(value, _KINDS[kind]) or value in ("", [], {}):
            return f"{name} of the order has not the form of FHIR R4"
    return _lacking(order) or _illegal_dosage(order)


def _lacking(order: Json) -> str:
    if order.get("resourceType") != "MedicationRequest" or not order.get("id"):
        return "it is not a MedicationRequest with an id"
    if order.get("status") not in _STATUSES or order.get("intent") not in _INTENTS:
        return "status or intent of the order is missing or not of FHIR R4"
    if ("medicationCodeableConcept" in order) == ("medicationReference" in order) or "subject" not in order:
        return "the order lacks its medicine or its subject"
    return ""


def _illegal_dosage(order: Json) -> str:
    for dosage in order.get("dosageInstruction", ()):
        if not isinstance(dosage, dict) or any(not isinstance(dosage.get(name, []), list) for name in _DOSAGE_LISTS):
            return "a dosage of the order has not the form of FHIR R4"
    return ""
