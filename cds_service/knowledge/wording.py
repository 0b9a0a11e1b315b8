"""Criteria, anchors and templates of cards in lines that a person reads without the notation."""

from collections.abc import Iterator

from cds_service.knowledge.card import About
from cds_service.knowledge.criteria import Criterion, Leaf
from cds_service.knowledge.references import References
from cds_service.knowledge.templates import Template

_OPERATORS = {"all": "all of:", "any": "at least one of:", "none": "none of:"}
_ASSUMED = {True: " (if unknown: counts as true)", False: " (if unknown: counts as false)", None: ""}
STEP = "  "


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
        yield from _lines(part, indent + STEP)


def asks_nothing(criterion: Criterion | None) -> bool:
    """Whether a criterion always holds."""
    return criterion is None or (not isinstance(criterion, Leaf) and not criterion.parts)


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
