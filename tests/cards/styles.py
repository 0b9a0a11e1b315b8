"""The ways in which the same patient is coded elsewhere: each style is a function from one hook request to another.

A style re-codes only what a vignette's short notation wrote in the usual way: an order of an ingredient, a condition by
its name, a result with its unit. A code, a text or a unit that the vignette spells out is its point and stays as it is;
so does what has no code in that style. Factors between units are exact (the service rounds to nine decimals), so no
value crosses a limit and no vignette has to be left out for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from cds_service.simulation.patients import written
from cds_service.terminology import Coding, Tables, Terms, clean_coding, system_name

Json = dict[str, Any]
DMD = "https://dmd.nhs.uk"
CONVENTIONAL = {"sodium": "mEq/L", "potassium": "mEq/L", "albumin": "g/dL"}
MASS = "mg/dL"
TEXT_UNITS = {"mmol/L": "mmol/l", "umol/L": "µmol/L", "mEq/L": "meq/L"}


@dataclass(frozen=True)
class Codes:
    """What the terminology tables offer for each way of coding."""

    terms: Terms
    products: dict[str, Coding]
    components: dict[str, Coding]
    brands: dict[str, str]
    snomed: dict[str, Coding]
    atc: dict[str, Coding]
    icd: dict[str, dict[Coding, Coding]]
    blood: dict[str, Coding]
    factors: dict[tuple[str, str], tuple[str, Decimal]]


class Style(NamedTuple):
    """A way of coding.

    `change` alters one resource inside its Bundle; `least` is the share of vignettes it must reach; a style that
    `renames` shows medicines under other names, so that words with a medicine's name in them are not looked for.
    """

    name: str
    change: Callable[[Json, Json, Codes], None]
    least: float
    renames: bool = False


def styled(request: Json, style: Style, codes: Codes) -> Json:
    """The same call about the same patient in another style."""
    found: Json = msgspec.json.decode(msgspec.json.encode(request))
    for bundle in (found["context"].get("draftOrders", {}), *found["prefetch"].values()):
        for entry in list(bundle.get("entry", ())):
            style.change(entry["resource"], bundle, codes)
    return found


# --- what the tables offer


def codes_of(tables: Tables, terms: Terms) -> Codes:
    """The codes for each style."""
    return Codes(
        terms,
        _products(tables, terms, "SCD", ("Oral Tablet", "Oral Capsule")),
        _products(tables, terms, "SCDC", (" MG",)),
        _brands(tables, terms),
        _ingredient_codes(tables, terms, "snomed", DMD),
        _ingredient_codes(tables, terms, "atc", system_name("atc")),
        {system: _icd(tables, terms, system) for system in ("icd-10", "icd-10-cm")},
        {row.code: found for row in tables.labs if (found := _blood(row.test, row.variant, tables)) is not None},
        {(row.test, row.spelling): (row.operation, Decimal(row.operand)) for row in tables.units},
    )


def _products(tables: Tables, terms: Terms, kind: str, endings: tuple[str, ...]) -> dict[str, Coding]:
    """A product of one ingredient (an oral solid, or only ingredient and strength) that is the same to the cards."""
    found: dict[str, Coding] = {}
    for row in tables.products:
        if row.tty == kind and row.ingredients not in found and row.name.endswith(endings) and "/" not in row.name:
            coding = Coding(system_name("rxnorm"), row.code, row.name)
            if _same(coding, row.ingredients, terms):
                found[row.ingredients] = coding
    return found


def _brands(tables: Tables, terms: Terms) -> dict[str, str]:
    """A brand of one ingredient that is the same to the cards: a bowel preparation is no potassium supplement."""
    found: dict[str, str] = {}
    for row in tables.names:
        if row.kind == "brand" and ";" not in row.ingredients and row.ingredients not in found:
            match, alone = terms.drug([], row.name), terms.drug([], row.ingredients)
            if (
                match.ingredients == (row.ingredients,)
                and match.confidence == "name"
                and match.classes == alone.classes
            ):
                found[row.ingredients] = row.name.title()
    return found


def _ingredient_codes(tables: Tables, terms: Terms, system: str, url: str) -> dict[str, Coding]:
    found: dict[str, Coding] = {}
    for row in tables.ingredients:
        if row.system == system and row.code and row.ingredient not in found:
            coding = Coding(url, row.code, row.name)
            if _same(coding, row.ingredient, terms):
                found[row.ingredient] = coding
    return found


def _same(coding: Coding, ingredient: str, terms: Terms) -> bool:
    """Whether a code means this ingredient by mouth, alone and in the same classes."""
    usual, match = terms.drug_coding(ingredient), terms.drug([coding], "")
    if usual is None or match.ingredients != (ingredient,):
        return False
    return match.classes == terms.drug([usual], "").classes and match.route in ("", "oral")


def _icd(tables: Tables, terms: Terms, system: str) -> dict[Coding, Coding]:
    """For the code a condition is written with, an ICD code that states exactly the same conditions."""
    rows = [row for row in tables.conditions if row.system == system and row.match == "prefix" and row.use == "match"]
    by_meaning = {terms.concepts([coding], ""): coding for row in reversed(rows) for coding in [_dotted(row, system)]}
    return {
        usual: by_meaning[meaning]
        for usual in _usual_conditions(terms)
        if (meaning := terms.concepts([usual], "")) in by_meaning
    }


def _dotted(row: Any, system: str) -> Coding:
    code = row.code if len(row.code) <= 3 else f"{row.code[:3]}.{row.code[3:]}"
    return Coding(system_name(system), code, row.display)


def _usual_conditions(terms: Terms) -> Iterator[Coding]:
    for concept in terms.condition_titles:
        try:
            yield terms.concept_coding(concept)
        except KeyError:
            continue


def _blood(test: str, variant: str, tables: Tables) -> Coding | None:
    """The whole-blood code of a test that is usually measured in serum or plasma."""
    same = [row for row in tables.labs if (row.test, row.variant, row.use) == (test, variant, "match")]
    if not any("Serum or Plasma" in row.name for row in same):
        return None
    found = next((row for row in same if row.name.endswith("] in Blood")), None)
    return Coding(system_name("loinc"), found.code, found.name) if found else None


# --- medicines


def _ingredient(concept: Json, codes: Codes) -> str:
    """The ingredient of a medicine written in the usual way; "" for one that is not."""
    usual = codes.terms.drug_coding(concept.get("text", ""))
    return concept["text"] if usual and concept.get("coding") == [written(usual)] else ""


def _medicines(resource: Json) -> Iterator[tuple[Json, str]]:
    """Where a resource names a medicine: the holder and its member."""
    if "medicationCodeableConcept" in resource:
        yield resource, "medicationCodeableConcept"
    if resource["resourceType"] == "AllergyIntolerance":
        yield resource, "code"


def _recoded(table: Callable[[Codes], dict[str, Coding]], text: bool = False) -> Callable[[Json, Json, Codes], None]:
    def change(resource: Json, bundle: Json, codes: Codes) -> None:
        for holder, member in _medicines(resource):
            coding = table(codes).get(_ingredient(holder[member], codes))
            if coding is not None:
                holder[member] = {"coding": [written(coding)], **({"text": coding.display} if text else {})}

    return change


def ingredient_alone(resource: Json, bundle: Json, codes: Codes) -> None:
    """The code of the ingredient and no word beside it."""
    for holder, member in _medicines(resource):
        if usual := codes.terms.drug_coding(_ingredient(holder[member], codes)):
            holder[member] = {"coding": [{"system": usual.system, "code": usual.code}]}


def brand_text(resource: Json, bundle: Json, codes: Codes) -> None:
    """Only the name of a brand."""
    for holder, member in _medicines(resource):
        if brand := codes.brands.get(_ingredient(holder[member], codes)):
            holder[member] = {"text": brand}


def reason_by_reference(resource: Json, bundle: Json, codes: Codes) -> None:
    """The reason of an order as a Condition contained in it."""
    if reasons := resource.pop("reasonCode", None):
        resource["contained"] = [{"resourceType": "Condition", "id": "reason", "code": reasons[0]}]
        resource["reasonReference"] = [{"reference": "#reason"}]


def _referenced(reference: str, full_url: str) -> Callable[[Json, Json, Codes], None]:
    def change(resource: Json, bundle: Json, codes: Codes) -> None:
        if "medicationCodeableConcept" not in resource:
            return
        name = f"medicine-of-{resource['id']}"
        medication = {"resourceType": "Medication", "id": name, "code": resource.pop("medicationCodeableConcept")}
        resource["medicationReference"] = {"reference": reference.format(name)}
        if reference.startswith("#"):
            resource["contained"] = [medication]
        else:
            bundle["entry"].append({"fullUrl": full_url.format(name), "resource": medication})

    return change


# --- conditions


def _as_icd(system: str) -> Callable[[Json, Json, Codes], None]:
    def change(resource: Json, bundle: Json, codes: Codes) -> None:
        concepts = [resource["code"]] if resource["resourceType"] == "Condition" else resource.get("reasonCode", [])
        for concept in concepts:
            if len(concept.get("coding", ())) != 1:
                continue
            other = codes.icd[system].get(clean_coding(*map(concept["coding"][0].get, ("system", "code", "display"))))
            if other is not None:
                concept["coding"] = [written(other)]

    return change


# --- results


def _result(resource: Json, codes: Codes) -> tuple[str, str]:
    """The test and the code of a result, where it has a number in the unit of its test; else empty."""
    if resource["resourceType"] != "Observation" or "valueQuantity" not in resource:
        return "", ""
    coding = resource["code"]["coding"][0]
    match = codes.terms.lab([clean_coding(coding["system"], coding["code"], coding.get("display"))])
    usual = match is not None and resource["valueQuantity"].get("unit") == codes.terms.tests[match.test].unit
    return (match.test, coding["code"]) if match is not None and usual else ("", "")


def _quantities(resource: Json) -> Iterator[Json]:
    yield resource["valueQuantity"]
    for part in resource.get("referenceRange", ()):
        yield from (part[side] for side in ("low", "high"))


def conventional(resource: Json, bundle: Json, codes: Codes) -> None:
    """The number in mg/dL, mEq/L or g/dL; the factors are exact, so no value crosses a limit."""
    test, _ = _result(resource, codes)
    unit = CONVENTIONAL.get(test, MASS)
    if (test, unit.lower()) not in codes.factors:
        return
    operation, operand = codes.factors[test, unit.lower()]
    for quantity in _quantities(resource):
        number = Decimal(repr(quantity["value"]))
        number = number * operand if operation == "divide" else number / operand
        quantity.update(value=float(number), unit=unit, code=unit)


def unit_in_words(resource: Json, bundle: Json, codes: Codes) -> None:
    """The unit as text only, without a code, in another spelling where there is one."""
    if _result(resource, codes)[0]:
        for quantity in _quantities(resource):
            del quantity["code"], quantity["system"]
            quantity["unit"] = TEXT_UNITS.get(quantity["unit"], quantity["unit"])


def whole_blood(resource: Json, bundle: Json, codes: Codes) -> None:
    """The code of whole blood instead of serum or plasma."""
    other = codes.blood.get(_result(resource, codes)[1])
    if other is not None:
        resource["code"] = {"coding": [written(other)]}


STYLES = (
    Style("RxNorm product", _recoded(lambda codes: codes.products, text=True), 0.6, renames=True),
    Style("RxNorm component", _recoded(lambda codes: codes.components), 0.6, renames=True),
    Style("RxNorm ingredient alone", ingredient_alone, 0.6),
    Style("brand, text only", brand_text, 0.5, renames=True),
    Style("Medication, relative", _referenced("Medication/{}", "https://ehr.example.org/fhir/Medication/{}"), 0.6),
    Style("Medication, urn:uuid", _referenced("urn:uuid:{}", "urn:uuid:{}"), 0.6),
    Style("Medication, contained", _referenced("#{}", ""), 0.6),
    Style("dm+d or SNOMED", _recoded(lambda codes: codes.snomed), 0.6),
    Style("ATC", _recoded(lambda codes: codes.atc), 0.6),
    Style("reason by reference", reason_by_reference, 0.1),
    Style("ICD-10", _as_icd("icd-10"), 0.2),
    Style("ICD-10-CM", _as_icd("icd-10-cm"), 0.2),
    Style("mg/dL or mEq/L", conventional, 0.3),
    Style("unit as text", unit_in_words, 0.3),
    Style("whole blood", whole_blood, 0.25),
)
