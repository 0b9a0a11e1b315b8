"""Which medicine an order names, wherever the order says so."""

from collections.abc import Iterator

from cds_service.fhir.amounts import strength_of
from cds_service.fhir.codeable import name_of, short
from cds_service.fhir.concepts import Drug
from cds_service.fhir.elements import CodeableConcept, Ingredient, Reference, Resource
from cds_service.fhir.reading import Reading
from cds_service.terminology import DrugMatch

UNKNOWN = DrugMatch((), frozenset(), "", "none", "", None, frozenset())


def drug_of(order: Resource, reading: Reading) -> Drug:
    """The medicine of an order: its own codes, then the Medication referred to, its ingredients, the words beside.

    The usual order says all in one concept of its own.
    """
    stated, pointer = order.medication_codeable_concept, order.medication_reference
    if pointer is not None:
        return _referred_to(pointer, order, reading)
    return reading.concepts.drug(stated) if stated is not None else Drug("", UNKNOWN, stated=False, legible=False)


def _referred_to(pointer: Reference, order: Resource, reading: Reading) -> Drug:
    medication = reading.index.resolve(pointer, order)
    concepts = (order.medication_codeable_concept, medication.code if medication is not None else None)
    drugs = [reading.concepts.drug(concept) for concept in concepts if concept is not None]
    matches = [drug.match for drug in drugs]
    if medication is not None:
        matches.append(_by_ingredients(medication, reading))
    shown = short(pointer.display)
    if shown:
        matches.append(reading.terms.drug((), shown))
    name = next(filter(None, [*(drug.name for drug in drugs), shown, _ingredient_names(medication, reading)]), "")
    return Drug(
        name=name,
        match=_best(matches),
        form=medication.form if medication is not None else None,
        legible=bool(name) or any(drug.legible for drug in drugs),
    )


def _best(matches: list[DrugMatch]) -> DrugMatch:
    """The first match by code, else the first by name, else the hints of all."""
    for confidence in ("code", "name"):
        for match in matches:
            if match.confidence == confidence:
                return match
    hints: frozenset[str] = frozenset().union(*(match.watched for match in matches))
    return UNKNOWN._replace(watched=hints)


def _by_ingredients(medication: Resource, reading: Reading) -> DrugMatch:
    """A medicine known by its ingredients: all of them together."""
    found = [reading.concepts.drug(concept).match for concept, _ in _ingredients(medication, reading)]
    known = [match for match in found if match.confidence != "none"]
    if not known:
        return _best(found)
    return DrugMatch(
        ingredients=tuple(sorted({name for match in known for name in match.ingredients})),
        classes=frozenset().union(*(match.classes for match in known)),
        route=known[0].route if len(found) == 1 else "",
        confidence="code" if all(match.confidence == "code" for match in known) else "name",
        code=known[0].code,
        strength_mg=_only_strength(medication),
        watched=frozenset(),
    )


def _ingredients(medication: Resource, reading: Reading) -> Iterator[tuple[CodeableConcept | None, Ingredient]]:
    for ingredient in medication.ingredient or ():
        if ingredient is None:
            continue
        held = reading.index.resolve(ingredient.item_reference, medication)
        yield ingredient.item_codeable_concept or (held.code if held is not None else None), ingredient


def _only_strength(medication: Resource) -> float | None:
    found = [ingredient for ingredient in medication.ingredient or () if ingredient is not None]
    return strength_of(found[0].strength) if len(found) == 1 else None


def _ingredient_names(medication: Resource | None, reading: Reading) -> str:
    if medication is None:
        return ""
    return " / ".join(filter(None, (name_of(concept) for concept, _ in _ingredients(medication, reading))))
