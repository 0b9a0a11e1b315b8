"""Orders and named edits of `shared/orders/` as ActivityDefinitions."""

import base64
import json
from collections.abc import Iterator, Mapping

from cds_service.export.edition import Edition, Json
from cds_service.export.wording import TEMPLATE
from cds_service.knowledge.references import OrderTemplate
from cds_service.knowledge.templates import PLACEHOLDER

# Members of a request -> members of an ActivityDefinition that say the same of every request made from it.
_SAME = {
    "intent": "intent",
    "priority": "priority",
    "doNotPerform": "doNotPerform",
    "code": "code",
    "medicationCodeableConcept": "productCodeableConcept",
    "dosageInstruction": "dosage",
}
_PATIENT = "{{patient}}"


def activities(edition: Edition) -> Iterator[Json]:
    """One ActivityDefinition for each order and each named edit."""
    yield from (_order(order, edition) for order in edition.references.orders.values())
    yield from (_edit(edit, edition) for edit in edition.references.edits.values())


def _order(order: OrderTemplate, edition: Edition) -> Json:
    resource = order.resource
    title = next((text for text in map(_text, _named(resource)) if text), order.name)
    told = str(resource.get("description") or f"{resource['resourceType']}: {title}.")
    return _activity(order, edition, str(resource["resourceType"]), title, told)


def _edit(edit: OrderTemplate, edition: Edition) -> Json:
    members = ", ".join(sorted(edit.resource))
    told = f"Changes {members} of the draft order as it was sent and leaves everything else as it is."
    return _activity(edit, edition, "MedicationRequest", edit.name.replace("-", " "), told)


def _activity(template: OrderTemplate, edition: Edition, kind: str, title: str, description: str) -> Json:
    resource = template.resource
    dynamic = [{"path": path, "expression": _expression(text)} for path, text in _filled("", resource)]
    return {
        **edition.heading("ActivityDefinition", template.name, title),
        "description": description,
        "kind": kind,
        **{member: resource[name] for name, member in _SAME.items() if name in resource},
        "relatedArtifact": [_whole(template)],
        **({"dynamicValue": dynamic} if dynamic else {}),
    }


def _named(resource: Mapping[str, object]) -> Iterator[object]:
    yield from (resource.get(name) for name in ("code", "medicationCodeableConcept"))


def _text(concept: object) -> str:
    return str(concept.get("text", "")) if isinstance(concept, dict) else ""


def _expression(text: str) -> Json:
    return {"language": TEMPLATE, "expression": text}


def _whole(template: OrderTemplate) -> Json:
    """The template itself, so that nothing of it is lost."""
    content = json.dumps(template.resource, ensure_ascii=False, indent=2, sort_keys=True).encode()
    return {
        "type": "documentation",
        "label": "Template",
        "display": "The members as the service fills them",
        "document": {"contentType": "application/json", "data": base64.b64encode(content).decode()},
    }


def _filled(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Path and text of every member that is filled for each patient; whose order it is says the request itself."""
    if isinstance(value, Mapping):
        for name in sorted(value):
            yield from _filled(f"{path}.{name}" if path else name, value[name])
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _filled(f"{path}[{position}]", part)
    elif isinstance(value, str) and PLACEHOLDER.search(value) and value != _PATIENT:
        yield path, value
