"""The data a card looks at, as the `input` of its action."""

from cds_service.export.edition import Edition, Json
from cds_service.knowledge.inputs import Input
from cds_service.knowledge.source_attributes import SourceAttributes
from cds_service.knowledge.traits import Trait

# Where the code of an input stands; `code` elsewhere.
_PATHS = {("MedicationRequest", "drug-class"): "medication", ("MedicationRequest", "condition"): "reasonCode"}
_MEMBERS: dict[str, Trait] = {"birthDate": "date-of-birth", "gender": "sex"}


def requirements(attributes: SourceAttributes, edition: Edition) -> list[Json]:
    """The DataRequirements of a card: the person, then medicines, results, problems, allergies, each in one order."""
    members = [name for name, trait in _MEMBERS.items() if attributes.uses[trait]]
    person = [{"type": "Patient", "mustSupport": members}] if members else []
    return [*person, *(_requirement(one, edition) for one in attributes.inputs)]


def _requirement(one: Input, edition: Edition) -> Json:
    values = edition.canonical("ValueSet", f"{one.kind}-{one.name}")
    path = _PATHS.get((one.resource, one.kind), "code")
    return {"type": one.resource, "codeFilter": [{"path": path, "valueSet": values}]}
