"""The FHIR R4 resources inside suggestions: templates filled, drafts returned whole with one named edit."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cds_service.chart import Medication, Problem
from cds_service.knowledge.placeholders import Moment, find_placeholder
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot, whole
from cds_service.knowledge.strict_yaml import Document

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_IN_DAYS = re.compile(r"in ([0-9]{1,3}) days\Z")
_NOWHERE = whole(Document("shared/orders", ""))

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


def filled(template: Mapping[str, object], moment: Moment, references: References) -> Json:
    """The resource of a template for one finding; members whose placeholder has no value are left out."""
    answer = _fill(template, moment, references)
    return answer if isinstance(answer, dict) else {}


def _fill(value: object, moment: Moment, references: References) -> object:
    if isinstance(value, str):
        return _text(value, moment, references)
    if isinstance(value, Mapping):
        return _kept({key: _fill(part, moment, references) for key, part in value.items()})
    if isinstance(value, list):
        return [part for part in (_fill(entry, moment, references) for entry in value) if part is not None] or None
    return value


def _kept(members: Json) -> Json | None:
    return {key: part for key, part in members.items() if part is not None} or None


def _text(text: str, moment: Moment, references: References) -> object:
    if "{{" not in text:
        return text
    whole_match = _PLACEHOLDER.fullmatch(text)
    if whole_match is None:
        return _PLACEHOLDER.sub(lambda match: str(_value(match[1], moment, references) or ""), text)
    return _value(whole_match[1], moment, references)


def _value(name: str, moment: Moment, references: References) -> object:
    today = moment.case.chart.now.date()
    if name == "patient":
        return f"Patient/{moment.case.chart.patient_id}"
    if name == "order":
        return next((order.reference for order in moment.case.orders if order.reference), None)
    if name == "condition":
        return _problem_reference(moment)
    if name == "today":
        return today.isoformat()
    later = _IN_DAYS.match(name)
    if later:
        return (today + timedelta(days=int(later[1]))).isoformat()
    shown = find_placeholder(name, _NOWHERE, references).fill(moment)
    return _number(shown)


def _number(shown: str) -> object:
    try:
        figure = float(shown)
    except ValueError:
        return None if shown == "?" else shown
    return int(figure) if figure == int(figure) else figure


def _problem_reference(moment: Moment) -> str | None:
    for step in moment.trace:
        for item in step.evidence if step.value else ():
            if isinstance(item, Problem) and item.reference.startswith("Condition/"):
                return item.reference
    return None


def checked_placeholders(template: Mapping[str, object], spot: Spot, references: References) -> None:
    """Refuse a template whose placeholders are not known (called when the library is checked)."""
    for name in _PLACEHOLDER.findall(json.dumps(template)):
        if name not in ("patient", "order", "condition", "today") and not _IN_DAYS.match(name):
            find_placeholder(name, spot, references)


def edited(draft: Medication, edit: Mapping[str, object], moment: Moment, references: References) -> Json | str:
    """The whole draft with the edit's members in place of its own, or why that is not a legal R4 order."""
    try:
        sent = json.loads(draft.as_sent) if draft.as_sent else None
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        return "the order was not sent as a resource"
    whole_order = {**sent, **filled(edit, moment, references)}
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
