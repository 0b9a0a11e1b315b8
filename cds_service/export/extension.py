"""The one extension of the package: source attributes of a card for which R4 has no element."""

from collections.abc import Iterator

from cds_service.export.edition import Edition, Json
from cds_service.knowledge.attribute_rows import further_rows, required_rows
from cds_service.knowledge.source_attributes import SourceAttributes
from cds_service.knowledge.traits import TRAITS

NAME = "source-attribute"
# What no element of a PlanDefinition can say; citations, developer, dates, scope, inputs and logic have one.
CARRIED = ("funding", *TRAITS, "owner", "thresholds", "basis_of_windows")
_BASE = "http://hl7.org/fhir/StructureDefinition/Extension"
_PARTS = (
    ("name", "code", 1, "Which attribute: one of " + ", ".join(CARRIED)),
    ("used", "boolean", 0, "Whether the card rests on this of the person; only where the attribute asks so"),
    ("statement", "string", 1, "What is said, a line each"),
)


def extensions(found: SourceAttributes, edition: Edition) -> list[Json]:
    """An extension for each attribute that is carried so."""
    url = edition.canonical("StructureDefinition", NAME)
    rows = (*required_rows(found), *further_rows(found, edition.references))
    uses = {str(trait): bool(where) for trait, where in found.uses.items()}
    return [
        {
            "url": url,
            "extension": [
                {"url": "name", "valueCode": row.key},
                *([{"url": "used", "valueBoolean": uses[row.key]}] if row.key in uses else []),
                {"url": "statement", "valueString": "\n".join(row.lines)},
            ],
        }
        for row in rows
        if row.key in CARRIED
    ]


def definition(edition: Edition) -> Json:
    """The StructureDefinition of the extension."""
    return {
        **edition.heading("StructureDefinition", NAME, "Source attribute of a card"),
        "description": "What is said of the source of a card where R4 has no element (45 CFR 170.315(b)(11)(iv)(A)).",
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": "PlanDefinition"}],
        "type": "Extension",
        "baseDefinition": _BASE,
        "derivation": "constraint",
        "differential": {"element": [*_elements(edition.canonical("StructureDefinition", NAME))]},
    }


def _elements(url: str) -> Iterator[Json]:
    yield {"id": "Extension", "path": "Extension", "short": "Source attribute of a card", "min": 0, "max": "*"}
    for name, kind, least, short in _PARTS:
        place = f"Extension.extension:{name}"
        yield {"id": place, "path": "Extension.extension", "sliceName": name, "short": short, "min": least, "max": "1"}
        yield {"id": f"{place}.url", "path": "Extension.extension.url", "fixedUri": name}
        yield {"id": f"{place}.value[x]", "path": "Extension.extension.value[x]", "min": 1, "type": [{"code": kind}]}
    yield {"id": "Extension.url", "path": "Extension.url", "fixedUri": url}
    yield {"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"}
