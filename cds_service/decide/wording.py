"""The words that the engine itself puts on a card: why it is shown, what was not checked, sources, the footer."""

from collections.abc import Iterable

from cds_service.chart import Allergy, Gap, LabResult, Medication, Problem
from cds_service.knowledge.card import Card
from cds_service.knowledge.case import Absent, Evidence, Note, Pair
from cds_service.knowledge.criteria import Step
from cds_service.knowledge.placeholders import shown_day
from cds_service.knowledge.references import Citation
from cds_service.knowledge.templates import markdown, plain_text

SECTION_WORDS = {
    "patient": "patient data",
    "medications": "medication list",
    "observations": "laboratory results",
    "conditions": "problem list",
    "allergies": "allergy list",
}
FOOTER = (
    "For healthcare professionals. Based only on the data listed above, which may be incomplete or out of date. "
    "Check the cited source and use clinical judgement; this service does not make the treatment decision."
)
DRAFT = "**Draft card, not reviewed by a clinician: for testing with synthetic data only.**"


def evidence_words(item: Evidence) -> str:
    """What a criterion rests on, for Markdown."""
    if isinstance(item, LabResult):
        return _result(item)
    if isinstance(item, Medication):
        doubt = " (possibly taken)" if item.role == "possibly-taken" else ""
        named = ", recognised by its name only" if item.confidence == "name" else ""
        return f"{markdown(item.name)}{doubt}{named}"
    if isinstance(item, Problem | Allergy):
        recorded = f", recorded {shown_day(item.recorded)}" if item.recorded else ""
        return f"{markdown(item.name)}{recorded}"
    if isinstance(item, Pair):
        return evidence_words(item.medication)
    if isinstance(item, Absent):
        return f"{item.what}: none on file"
    return markdown(item.text) if isinstance(item, Note) else markdown(gap_words(item))


def _result(item: LabResult) -> str:
    kind = f" ({item.variant.replace('-', ' ')})" if item.variant else ""
    extra = [note for note, holds in (("preliminary", item.preliminary), ("haemolysed", item.haemolysed)) if holds]
    extra += [f"calculated from {item.calculated}"] if item.calculated else []
    extra += item.notes
    more = f", {', '.join(extra)}" if extra else ""
    return f"{item.test}{kind} {markdown(item.as_reported)} on {shown_day(item.day)}{markdown(more)}"


def gap_words(gap: Gap) -> str:
    """A gap in a few plain words: what, and why."""
    what = gap.about.replace("-", " ") if gap.about else SECTION_WORDS[gap.section]
    return plain_text(f"{what} ({gap.reason.replace('-', ' ')})")


def gap_sentence(gap: Gap) -> str:
    """A gap for the body of a card, its detail included."""
    detail = f": {markdown(gap.detail)}" if gap.detail else ""
    return f"{markdown(gap_words(gap))}{detail}"


def why(card: Card, trace: Iterable[Step]) -> str:
    """The criteria that held, with the data they rest on."""
    lines = [f"- {step.leaf.text}{_because(step)}" for step in trace if step.value is True and not step.leaf.excludes]
    head = f"**Why you see this** (rule {card.id}, version {card.version})"
    return "\n".join([head, "", *dict.fromkeys(lines)])


def _because(step: Step) -> str:
    words = "; ".join(dict.fromkeys(evidence_words(item) for item in step.evidence[:5]))
    return f": {words}" if words else ""


def not_checked(trace: Iterable[Step]) -> str:
    """The criteria that could not be judged, and what was assumed of them."""
    lines = [
        f"- {step.leaf.text}{_because(step) or ': not known'}{_assumption(step)}"
        for step in trace
        if step.value is None
    ]
    return "\n".join(["**What was not checked**", "", *dict.fromkeys(lines)]) if lines else ""


def _assumption(step: Step) -> str:
    if not step.assumed:
        return ""
    return " - taken as present" if step.leaf.if_unknown else " - taken as absent"


def sources(evidence: Iterable[Citation]) -> str:
    """The list of sources."""
    lines = []
    for source in evidence:
        link = f" <{source.url}>" if source.url else ""
        lines.append(f"- {source.citation}{link}")
    return "\n".join(["**Sources**", "", *lines])


def standing(card: Card) -> str:
    """Grade of evidence, last review, draft mark and the footer that every card carries."""
    note = f" ({card.grade_note})" if card.grade_note else ""
    review = card.review.get("last_review") or "not yet reviewed by a clinician"
    lines = [f"Evidence: {card.grade}{note}. Last clinical review: {review}.", FOOTER]
    return "\n\n".join([DRAFT, *lines] if card.status == "draft" else lines)
