"""Reading `shared/orders/`: the FHIR R4 resources that suggestions create, and the named edits of a draft."""

import json
from pathlib import Path

from cds_service.knowledge.faults import Fault, LibraryError
from cds_service.knowledge.fillings import Filling, read_filling
from cds_service.knowledge.references import OrderTemplate, References
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import Document
from cds_service.knowledge.templates import PLACEHOLDER


def read_orders(shared: Path, edits: bool) -> dict[str, OrderTemplate]:
    """The resources that suggestions create, or (with `edits`) the members they change in a draft."""
    found = {}
    for path in sorted((shared / "orders").glob("*.json")):
        content = _json(path)
        if ("edit" in content) is edits:
            inner = content["edit"] if edits else content
            if not isinstance(inner, dict) or (not edits and "resourceType" not in inner):
                raise LibraryError([Fault(_file(path.stem), 0, "is neither a FHIR resource nor an edit")])
            found[path.stem] = OrderTemplate(path.stem, inner)
    return found


def check_orders(references: References) -> None:
    """Refuse an order or edit with a placeholder that is not known, or whose medicine is one. Raises `LibraryError`.

    The gates before a suggestion are chosen by its medicine when the cards are read.
    """
    for template in (*references.orders.values(), *references.edits.values()):
        filling_of(template, references)
        if PLACEHOLDER.search(json.dumps(template.resource.get("medicationCodeableConcept"))):
            raise LibraryError([Fault(_file(template.name), 0, "its medicine must be written out, not a placeholder")])


def filling_of(template: OrderTemplate, references: References) -> Filling:
    """The template as a function of a finding. Raises `LibraryError` for a placeholder that is not known."""
    return read_filling(template.resource, whole(Document(_file(template.name), "")), references)


def _json(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LibraryError([Fault(_file(path.stem), 0, f"is not JSON: {error}")]) from error
    if not isinstance(content, dict):
        raise LibraryError([Fault(_file(path.stem), 0, "must be a JSON object")])
    return content


def _file(name: str) -> str:
    return f"shared/orders/{name}.json"
