"""Criteria of cards as FHIR carries them: readable, and named as what they are."""

from cds_service.export.edition import Json
from cds_service.knowledge.criteria import Criterion
from cds_service.knowledge.wording import asks_nothing, criterion_text

# The binding of Expression.language is extensible in R4; `x.` is the tree for unregistered types (RFC 6838, 3.4).
CRITERION = "text/x.cramp-cds-criterion"
TEMPLATE = "text/x.cramp-cds-template"


def condition(text: str, description: str = "") -> Json:
    """An applicability condition of an action."""
    said = {"description": description} if description else {}
    return {"kind": "applicability", "expression": {**said, "language": CRITERION, "expression": text}}


def conditions(criterion: Criterion | None) -> Json:
    """The member `condition` of an action: none where nothing is asked."""
    if criterion is None or asks_nothing(criterion):
        return {}
    return {"condition": [condition(criterion_text(criterion))]}
