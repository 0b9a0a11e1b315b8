"""Which medicine an order names, wherever the order says so."""

from collections.abc import Iterator

from msgspec import Struct

from cds_service.fhir.amounts import strength_of
from cds_service.fhir.codeable import Told, codings, name_of, short, text_of, told
from cds_service.fhir.elements import CodeableConcept, Ingredient, Resource
from cds_service.fhir.reading import Reading
from cds_service.terminology import Coding, DrugMatch

UNKNOWN = DrugMatch((), frozenset(), "", "none", "", None, frozenset())


class Drug(Struct, frozen=True):
    """A medicine as ordered: its name and what the terminology makes of it.

    `stated` is False when the order names no medicine at all (a reference that leads nowhere counts as named);
    `legible` is False when what it names cannot be known: no words, and no code.
    """

    name: str
    match: DrugMatch
    form: CodeableConcept | None = None
    stated: bool = True
    legible: bool = True


def drug_of(order: Resource, reading: Reading) -> Drug:
    """The medicine of an order: its own codes, then the Medication referred to, its ingredients, the words beside."""
    pointer = order.medication_reference
    if pointer is None and order.medication_codeable_concept is not None:
        return _named(told(order.medication_codeable_concept), reading)
    medication = reading.index.resolve(pointer, order) if pointer is not None else None
    shown = short(pointer.display) if pointer is not None else ""
    concepts = [order.medication_codeable_concept, medication.code if medication is not None else None]
    matches = [_match(codings(concept), text_of(concept), reading) for concept in concepts if concept is not None]
    if medication is not None:
        matches.append(_by_ingredients(medication, reading))
    if shown:
        matches.append(_match((), shown, reading))
    name = next(filter(None, [*map(name_of, concepts), shown, _ingredient_names(medication, reading)]), "")
    return Drug(
        name=name,
        match=_best(matches),
        form=medication.form if medication is not None else None,
        stated=order.medication_codeable_concept is not None or pointer is not None,
        legible=bool(name) or any(coding.code for concept in concepts for coding in codings(concept)),
    )


def _named(read: Told, reading: Reading) -> Drug:
    """The usual order, which says all in one concept of its own."""
    match = _match(read.codings, read.text, reading)
    return Drug(read.name, match, legible=bool(read.name) or any(coding.code for coding in read.codings))


def _match(found: tuple[Coding, ...], text: str, reading: Reading) -> DrugMatch:
    return reading.terms.drug(found, text) if found or text else UNKNOWN


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
    found = [_match(codings(concept), text_of(concept), reading) for concept, _ in _ingredients(medication, reading)]
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
