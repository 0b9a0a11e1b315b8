"""The limit: what one function needs for the same job when nothing is general.

One typed decode of the whole body, the same facts taken from it (doses, roles, units, dates, conditions, allergies), six
rules written by hand, three cards encoded. No routing, no checks, no gaps, no trace, no record: a service cannot reach
it, it can only be measured against it.
"""

from datetime import date
from typing import NamedTuple

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from tests.bench.bodies import Json


class Coding(Struct, gc=False):
    system: str = ""
    code: str = ""
    display: str = ""


class Concept(Struct, gc=False):
    coding: list[Coding] = []
    text: str = ""


class Reference(Struct, gc=False):
    reference: str = ""


class Quantity(Struct, gc=False):
    value: float = 0.0
    unit: str = ""
    code: str = ""
    comparator: str = ""


class Range(Struct, gc=False):
    low: Quantity | None = None


class Repeat(Struct, gc=False, rename="camel"):
    frequency: float = 1
    period: float = 1
    period_unit: str = "d"


class Timing(Struct, gc=False):
    repeat: Repeat | None = None


class DoseAndRate(Struct, gc=False, rename="camel"):
    dose_quantity: Quantity | None = None


class Dosage(Struct, gc=False, rename="camel"):
    timing: Timing | None = None
    route: Concept | None = None
    dose_and_rate: list[DoseAndRate] = []


class Resource(Struct, gc=False, rename="camel"):
    resource_type: str = ""
    id: str = ""
    status: str = ""
    intent: str = ""
    medication_codeable_concept: Concept | None = None
    code: Concept | None = None
    clinical_status: Concept | None = None
    verification_status: Concept | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    authored_on: str = ""
    dosage_instruction: list[Dosage] = []
    effective_date_time: str = ""
    issued: str = ""
    value_quantity: Quantity | None = None
    reference_range: list[Range] = []
    recorded_date: str = ""
    birth_date: str = ""
    gender: str = ""


class Entry(Struct, gc=False):
    resource: Resource


class Bundle(Struct, gc=False):
    entry: list[Entry] = []


class Context(Struct, gc=False, rename="camel"):
    patient_id: str
    draft_orders: Bundle
    selections: list[str] = []


class Prefetch(Struct, gc=False):
    patient: Resource
    medications: Bundle
    observations: Bundle
    conditions: Bundle
    allergies: Bundle


class Call(Struct, gc=False):
    hook: str
    context: Context
    prefetch: Prefetch


class Drug(NamedTuple):
    """One order as a rule sees it."""

    ingredient: str
    role: str
    daily: float
    route: str
    on: str
    reference: str


class Facts(NamedTuple):
    """What the six rules look at."""

    age: int
    female: bool
    drugs: list[Drug]
    labs: dict[str, tuple[str, float, float, str]]
    conditions: dict[str, str]
    allergies: set[str]


_DRUGS = {
    "310798": "hydrochlorothiazide", "313988": "furosemide", "997010": "quinine", "314076": "lisinopril",
    "197391": "baclofen", "197604": "digoxin", "309309": "ciprofloxacin", "856834": "amitriptyline",
}  # fmt: skip
_DIURETICS = frozenset({"hydrochlorothiazide", "furosemide"})
_TESTS = {
    "2823-3": "potassium", "2951-2": "sodium", "2160-0": "creatinine", "33914-3": "egfr", "17861-6": "calcium",
    "19123-9": "magnesium", "2345-7": "glucose",
}  # fmt: skip
_FACTORS = {
    ("potassium", "mmol/L"): 1.0, ("sodium", "mmol/L"): 1.0, ("creatinine", "mg/dL"): 88.42,
    ("egfr", "mL/min/{1.73_m2}"): 1.0, ("calcium", "mg/dL"): 0.2495, ("magnesium", "mg/dL"): 0.4114,
    ("glucose", "mg/dL"): 0.0555,
}  # fmt: skip
_CONDITIONS = {
    "38341003": "hypertension", "59621000": "hypertension", "449917004": "muscle-cramp", "40930008": "hypothyroidism",
}  # fmt: skip
_ROLES = {"active": "taken", "stopped": "stopped", "completed": "stopped", "draft": "draft"}
_TEXT = "A sentence of the length that a card has, with the figures it rests on and where they come from. " * 16

decode = Decoder(Call).decode
encode = Encoder().encode


def answer(body: bytes, today: date) -> bytes:
    """The cards for one call."""
    call = decode(body)
    return encode({"cards": [card(text) for text in rules(extract(call, today))]})


def extract(call: Call, today: date) -> Facts:
    """The facts of one call."""
    ours = {f"Patient/{call.context.patient_id}", call.context.patient_id}
    held = call.prefetch
    drugs = [
        drug
        for bundle in (call.context.draft_orders, held.medications)
        for entry in bundle.entry
        if (drug := _drug(entry.resource, ours)) is not None
    ]
    labs: dict[str, tuple[str, float, float, str]] = {}
    for entry in held.observations.entry:
        _take_lab(entry.resource, labs, ours)
    conditions = {}
    for entry in held.conditions.entry:
        problem = entry.resource
        if problem.code and problem.verification_status and problem.verification_status.coding[0].code != "refuted":
            for coding in problem.code.coding:
                if coding.code in _CONDITIONS:
                    conditions[_CONDITIONS[coding.code]] = problem.recorded_date
    allergies = {
        coding.code for entry in held.allergies.entry if entry.resource.code for coding in entry.resource.code.coding
    }
    born = date.fromisoformat(held.patient.birth_date)
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return Facts(age, held.patient.gender == "female", drugs, labs, conditions, allergies)


def _drug(order: Resource, ours: set[str]) -> Drug | None:
    concept = order.medication_codeable_concept
    if concept is None or order.subject is None or order.subject.reference not in ours or order.intent != "order":
        return None
    ingredient = next((_DRUGS[coding.code] for coding in concept.coding if coding.code in _DRUGS), "")
    role = _ROLES.get(order.status, "")
    if not ingredient or not role:
        return None
    daily, route = 0.0, ""
    for dosage in order.dosage_instruction:
        repeat = dosage.timing.repeat if dosage.timing else None
        dose = dosage.dose_and_rate[0].dose_quantity if dosage.dose_and_rate else None
        if repeat and dose and dose.code == "mg":
            daily += dose.value * repeat.frequency / repeat.period
        route = dosage.route.coding[0].code if dosage.route else route
    return Drug(ingredient, role, daily, route, order.authored_on[:10], f"MedicationRequest/{order.id}")


def _take_lab(found: Resource, labs: dict[str, tuple[str, float, float, str]], ours: set[str]) -> None:
    quantity = found.value_quantity
    if found.code is None or quantity is None or found.status not in ("final", "amended", "corrected"):
        return
    if found.subject is None or found.subject.reference not in ours:
        return
    for coding in found.code.coding:
        test = _TESTS.get(coding.code)
        factor = _FACTORS.get((test, quantity.code)) if test else None
        if test and factor:
            known = labs.get(test)
            if known is None or found.effective_date_time > known[0]:
                low = found.reference_range[0].low if found.reference_range else None
                floor = low.value * factor if low else 0.0
                labs[test] = (found.effective_date_time, quantity.value * factor, floor, f"Observation/{found.id}")


def rules(facts: Facts) -> list[str]:
    """Six rules; the texts of those that hold."""
    drafts = [drug for drug in facts.drugs if drug.role == "draft"]
    diuretic = next((drug for drug in drafts if drug.ingredient in _DIURETICS), None)
    quinine = next((drug for drug in drafts if drug.ingredient == "quinine"), None)
    baclofen = next((drug for drug in facts.drugs if drug.ingredient == "baclofen" and drug.role != "stopped"), None)
    potassium, sodium = facts.labs.get("potassium"), facts.labs.get("sodium")
    magnesium, egfr = facts.labs.get("magnesium"), facts.labs.get("egfr")
    found = []
    if diuretic and potassium and potassium[1] < 3.5:
        found.append(f"Potassium {potassium[1]} on {potassium[0][:10]}: starting {diuretic.ingredient}")
    if diuretic and sodium and sodium[1] < 135:
        found.append(f"Sodium {sodium[1]} on {sodium[0][:10]}: starting {diuretic.ingredient}")
    if diuretic and magnesium and magnesium[1] < 0.7:
        found.append(f"Magnesium {magnesium[1]} on {magnesium[0][:10]}: starting {diuretic.ingredient}")
    if diuretic and "muscle-cramp" in facts.conditions:
        found.append(f"Cramps recorded on {facts.conditions['muscle-cramp']}: {diuretic.ingredient} may add to them")
    if quinine and "muscle-cramp" in facts.conditions:
        found.append(f"Quinine {quinine.daily:g} mg/day for cramps at {facts.age} years")
    if baclofen and egfr and egfr[1] < 60:
        found.append(f"Baclofen {baclofen.daily:g} mg/day with an eGFR of {egfr[1]}")
    return found


def card(text: str) -> Json:
    """A card as long as a real one."""
    return {
        "uuid": "3c2e9f8e-37a4-4e0b-9d0e-6c3a7f1b2d45",
        "summary": text,
        "indicator": "warning",
        "detail": _TEXT,
        "source": {"label": "A source", "url": "https://example.org/source"},
        "suggestions": [
            {
                "label": "Repeat potassium",
                "uuid": "8d9d4f5c-0b73-4a5e-8e11-2f3a4b5c6d7e",
                "actions": [
                    {"type": "delete", "description": "Remove the order", "resourceId": "MedicationRequest/draft-1"}
                ],
            }
        ],
        "selectionBehavior": "any",
    }
