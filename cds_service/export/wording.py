"""Criteria and texts of cards as FHIR carries them: readable, and named as what they are."""

from collections.abc import Iterator

from cds_service.export.edition import Json
from cds_service.knowledge.card import About
from cds_service.knowledge.criteria import Criterion, Leaf
from cds_service.knowledge.references import References
from cds_service.knowledge.templates import Template

# The binding of Expression.language is extensible in R4; `x.` is the tree for unregistered types (RFC 6838, 3.4).
CRITERION = "text/x.cramp-cds-criterion"
TEMPLATE = "text/x.cramp-cds-template"
_OPERATORS = {"all": "all of:", "any": "at least one of:", "none": "none of:"}
_ASSUMED = {True: " (if unknown: counts as true)", False: " (if unknown: counts as false)", None: ""}
_STEP = "  "


def criterion_text(criterion: Criterion) -> str:
    """A criterion in lines that a person reads: facts in words, indented below `all of`, `at least one of`, `none of`.

    An answer that is unknown stays unknown unless its line says what it counts as.
    """
    return "\n".join(_lines(criterion, ""))


def _lines(criterion: Criterion, indent: str) -> Iterator[str]:
    if isinstance(criterion, Leaf):
        yield f"{indent}{criterion.text}{_ASSUMED[criterion.if_unknown]}"
        return
    yield f"{indent}{_OPERATORS[criterion.operator]}"
    for part in criterion.parts:
        yield from _lines(part, indent + _STEP)


def condition(text: str, description: str = "") -> Json:
    """An applicability condition of an action."""
    said = {"description": description} if description else {}
    return {"kind": "applicability", "expression": {**said, "language": CRITERION, "expression": text}}


def conditions(criterion: Criterion | None) -> Json:
    """The member `condition` of an action: none where nothing is asked."""
    if criterion is None or (not isinstance(criterion, Leaf) and not criterion.parts):
        return {}
    return {"condition": [condition(criterion_text(criterion))]}


def anchor_text(about: About, references: References) -> str:
    """What a card is about, as a criterion; empty for a card about the patient."""
    if about.subject == "patient":
        return ""
    if about.subject == "gaps":
        return "data that a check needs could not be read"
    titles = (references.terms.class_titles.get(name, name) for name in sorted(about.classes))
    verb = "was stopped" if about.subject == "stopped" else "is ordered or taken"
    return f"{' or '.join(titles)} {verb}"


def template_text(template: Template) -> str:
    """A text of a card with its placeholders as they are written."""
    return "".join(part.text for part in template.parts)
