"""The whole package: every resource once, legal by the models of FHIR, in one order."""

from cds_service.export.activities import activities
from cds_service.export.edition import Edition, Json
from cds_service.export.extension import definition
from cds_service.export.manifest import library_resource
from cds_service.export.overrides import override_sets, own_reasons
from cds_service.export.plans import plan
from cds_service.export.valuesets import value_sets


class ResourceError(Exception):
    """A resource that the models of FHIR refuse: a fault of a card, an order or this room."""


def package(edition: Edition) -> tuple[Json, ...]:
    """Every resource of an edition, sorted by type and id. The same edition gives the same bytes.

    Raises `ResourceError`.
    """
    parts = [
        *(plan(card, edition) for card in edition.cards),
        *activities(edition),
        *value_sets(edition),
        *override_sets(edition),
        *own_reasons(edition),
        definition(edition),
    ]
    parts.sort(key=lambda one: (one["resourceType"], one["id"]))
    found = (library_resource(edition, parts), *parts)
    for one in found:
        _check(one)
    return tuple(sorted(found, key=lambda one: (one["resourceType"], one["id"])))


def _check(resource: Json) -> None:
    """Refuse a resource the models do not take. They are dear to load, so they are loaded here and nowhere else.

    The models of release 4B: for these resources it differs from R4 only in members that are not used here.
    """
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        name = f"{resource['resourceType']}/{resource['id']}"
        raise ResourceError(f"{name} is not legal FHIR R4: {place}: {first['msg']}.") from error
