"""From a vignette's few words to the FHIR R4 resources an EHR would send for that patient."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from cds_service.knowledge.faults import not_one_of
from cds_service.knowledge.spot import Spot
from cds_service.simulation import phrases
from cds_service.terminology import Coding, Terms, system_name

PATIENT = "vignette"
MEMBERS = ("age", "born", "sex", "orders", "taking", "stopped", "labs", "conditions", "allergies", "not_delivered")
ORDER = ("drug", "dose", "reason", "route", "text", "code", "status", "unselected", "started", "stopped", "intent")
_SYSTEMS = {
    **{word: system_name(word) for word in ("rxnorm", "snomed", "atc", "loinc", "icd-10-cm", "icd-10")},
    # Package numbers are not read by the terminology: they stand in vignettes to show that.
    "pzn": "http://fhir.de/CodeSystem/ifa/pzn",
}
_UCUM = system_name("ucum")
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ALLERGY_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_UNVERIFIED = ("refuted", "unconfirmed", "entered-in-error", "provisional", "differential")

Json = dict[str, Any]


class Builder:
    """Builds the resources of one vignette; `now` is the clock of the call."""

    def __init__(self, terms: Terms, now: datetime) -> None:
        self.terms = terms
        self.now = now
        self.count = 0

    def identifier(self, kind: str) -> str:
        """A fresh id."""
        self.count += 1
        return f"{kind}-{self.count}"

    def day(self, ago: int) -> str:
        """A date some days back."""
        return (self.now - timedelta(days=ago)).date().isoformat()

    def instant(self, ago: int) -> str:
        """A moment some days back."""
        return (self.now - timedelta(days=ago)).isoformat(timespec="seconds")

    def patient(self, members: Mapping[str, Spot]) -> Json:
        """The Patient resource."""
        person: Json = {"resourceType": "Patient", "id": PATIENT}
        if "sex" in members:
            person["gender"] = members["sex"].choice("the sex", ("female", "male", "other", "unknown"))
        if "born" in members:
            person["birthDate"] = members["born"].text()
        elif "age" in members:
            born = self.now.date()
            person["birthDate"] = born.replace(year=born.year - int(members["age"].number()), day=1).isoformat()
        return person

    def order(self, spot: Spot, role: str) -> Json:
        """One MedicationRequest: `role` is draft, active or stopped."""
        members = {"drug": spot} if isinstance(spot.value, str) else spot.mapping((), ORDER)
        ago = _start(members, role)
        resource: Json = {
            "resourceType": "MedicationRequest",
            "id": self.identifier("order"),
            "status": members["status"].text() if "status" in members else role,
            "intent": members["intent"].text() if "intent" in members else "order",
            "subject": {"reference": f"Patient/{PATIENT}"},
            **({} if ago is None else {"authoredOn": self.day(ago)}),
            "medicationCodeableConcept": self._medicine(members, spot),
        }
        if "reason" in members:
            resource["reasonCode"] = [self._reason(members["reason"])]
        dosage = self._dosage(members)
        if "stopped" in members:
            end = self.day(phrases.days_ago(members["stopped"]))
            period = {"end": end} if ago is None else {"start": self.day(ago), "end": end}
            dosage.setdefault("timing", {}).setdefault("repeat", {})["boundsPeriod"] = period
        if dosage:
            resource["dosageInstruction"] = [dosage]
        return resource

    def _medicine(self, members: Mapping[str, Spot], spot: Spot) -> Json:
        if "code" in members:
            return coded(members["code"], members.get("text"))
        if "drug" not in members:
            return (
                {"text": members["text"].text()}
                if "text" in members
                else spot.fault("an order names a drug, a code or a text")
            )
        name = members["drug"].text()
        coding = self.terms.drug_coding(name)
        if coding is None:
            if name in self.terms.ingredients:
                members["drug"].fault(f"no code is known for {name}: write its text or code")
            members["drug"].fault(not_one_of("the ingredient", name, self.terms.ingredients))
        return {"coding": [written(coding)], "text": members["text"].text() if "text" in members else name}

    def _reason(self, spot: Spot) -> Json:
        if isinstance(spot.value, str):
            return {"coding": [written(self._concept(spot))]}
        return {"text": spot.mapping(["text"], [])["text"].text()}

    def _concept(self, spot: Spot) -> Coding:
        name = spot.choice("the condition", self.terms.condition_titles)
        try:
            return self.terms.concept_coding(name)
        except KeyError:
            spot.fault(f"no code states {name}: use text")

    def _dosage(self, members: Mapping[str, Spot]) -> Json:
        dosage: Json = {}
        if "dose" in members:
            dose = phrases.dose(members["dose"])
            dosage["text"] = dose.text
            if dose.amount is not None:
                quantity = {"value": dose.amount, "unit": dose.unit, "system": _UCUM, "code": dose.unit}
                dosage["doseAndRate"] = [{"doseQuantity": quantity}]
                dosage["timing"] = {"repeat": {"frequency": dose.times, "period": 1, "periodUnit": "d"}}
        if "route" in members:
            dosage["route"] = {"text": members["route"].text()}
        return dosage

    def labs(self, spot: Spot) -> Iterable[Json]:
        """The Observations: test (or test-variant) → one result or several."""
        for name, entry in spot.mapping().items():
            for one in entry.one_or_more():
                yield self._lab(name, one)

    def _lab(self, name: str, spot: Spot) -> Json:
        found = phrases.result(spot)
        test, variant = self._test(name, spot)
        coding = self.terms.lab_coding(test, variant)
        quantity: Json = {"value": found.value}
        if found.unit != "none":
            quantity |= {"unit": found.unit, "system": _UCUM, "code": found.unit}
        if found.comparator:
            quantity["comparator"] = found.comparator
        resource: Json = {
            "resourceType": "Observation",
            "id": self.identifier("result"),
            "status": "preliminary" if found.note == "preliminary" else "final",
            "code": {"coding": [written(coding)]},
            "subject": {"reference": f"Patient/{PATIENT}"},
            "effectiveDateTime": self.instant(found.days_ago),
            "valueQuantity": quantity,
        }
        if found.low is not None:
            resource["referenceRange"] = [
                {"low": {**quantity, "value": found.low}, "high": {**quantity, "value": found.high}}
            ]
        if found.note == "haemolysed":
            resource["note"] = [{"text": "Specimen haemolysed"}]
        return resource

    def _test(self, name: str, spot: Spot) -> tuple[str, str]:
        if name in self.terms.tests:
            variants = self.terms.tests[name].variants
            return name, variants[-1] if variants else ""
        for test, found in self.terms.tests.items():
            variant = name.removeprefix(f"{test}-")
            if variant != name and variant in found.variants:
                return test, variant
        spot.fault(not_one_of("the lab test", name, self.terms.tests))

    def condition(self, spot: Spot) -> Json:
        """One Condition."""
        members = (
            {"concept": spot}
            if isinstance(spot.value, str)
            else spot.mapping((), ["concept", "status", "text", "recorded", "code"])
        )
        status = members["status"].text() if "status" in members else "active"
        clinical = "active" if status in _UNVERIFIED else status
        verification = status if status in _UNVERIFIED else "confirmed"
        return {
            "resourceType": "Condition",
            "id": self.identifier("condition"),
            "clinicalStatus": {"coding": [{"system": _CLINICAL, "code": clinical}]},
            "verificationStatus": {"coding": [{"system": _VERIFICATION, "code": verification}]},
            "code": self._problem(members, spot),
            "subject": {"reference": f"Patient/{PATIENT}"},
            "recordedDate": self.day(phrases.days_ago(members["recorded"]) if "recorded" in members else 100),
        }

    def _problem(self, members: Mapping[str, Spot], spot: Spot) -> Json:
        if "code" in members:
            return coded(members["code"], members.get("text"))
        if "concept" not in members:
            return (
                {"text": members["text"].text()}
                if "text" in members
                else spot.fault("a condition names a concept or a text")
            )
        code: Json = {"coding": [written(self._concept(members["concept"]))]}
        name = members["concept"].text()
        code["text"] = members["text"].text() if "text" in members else self.terms.condition_titles[name]
        return code

    def allergy(self, spot: Spot) -> Json:
        """One AllergyIntolerance to an ingredient or an allergy concept."""
        members = (
            {"to": spot} if isinstance(spot.value, str) else spot.mapping((), ["to", "status", "text", "recorded"])
        )
        status = members["status"].text() if "status" in members else "active"
        resource: Json = {
            "resourceType": "AllergyIntolerance",
            "id": self.identifier("allergy"),
            "clinicalStatus": {"coding": [{"system": _ALLERGY_CLINICAL, "code": status}]},
            "patient": {"reference": f"Patient/{PATIENT}"},
            "recordedDate": self.day(phrases.days_ago(members["recorded"]) if "recorded" in members else 100),
        }
        if "to" not in members:
            return {**resource, "code": {"text": members["text"].text()}}
        coding = self.terms.drug_coding(members["to"].text()) or self._concept(members["to"])
        return {**resource, "code": {"coding": [written(coding)], "text": members["to"].text()}}


def _start(members: Mapping[str, Spot], role: str) -> int | None:
    """Days since the order was written: `started: unknown` leaves every date out."""
    if "started" not in members:
        return 0 if role == "draft" else 40
    return None if members["started"].value == "unknown" else phrases.days_ago(members["started"])


def written(coding: Coding) -> Json:
    """A coding as FHIR."""
    found = {"system": coding.system, "code": coding.code}
    return {**found, "display": coding.display} if coding.display else found


def coded(spot: Spot, text: Spot | None) -> Json:
    """`rxnorm|997010` (or a list of such) as a CodeableConcept."""
    codings = []
    for entry in spot.one_or_more():
        system, _, rest = entry.text().partition("|")
        code, _, display = rest.partition("|")
        if system not in _SYSTEMS or not code:
            entry.fault(not_one_of("the code system of", entry.value, [f"{name}|code" for name in _SYSTEMS]))
        codings.append(written(Coding(_SYSTEMS[system], code, display)))
    return {"coding": codings, **({"text": text.text()} if text else {})}
