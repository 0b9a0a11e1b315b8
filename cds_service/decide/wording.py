"""The words that the engine itself puts on a card: why it is shown, what was not checked, sources, the footer."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from cds_service.chart import Allergy, Gap, LabResult, Medication, Problem
from cds_service.decide.decision import Finding
from cds_service.knowledge.card import Card
from cds_service.knowledge.case import Absent, Course, Evidence, Note, Pair, use_began
from cds_service.knowledge.criteria import Step
from cds_service.knowledge.placeholders import shown_day
from cds_service.knowledge.quantities import plain, readable_unit
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
        return f"{item.what}: {item.why}"
    return markdown(item.text) if isinstance(item, Note) else markdown(gap_words(item))


def _result(item: LabResult) -> str:
    kind = f" ({item.variant.replace('-', ' ')})" if item.variant else ""
    extra = ["preliminary"] if item.preliminary else []
    extra += ["haemolysed"] if item.haemolysed else []
    extra += [f"calculated from {item.calculated}"] if item.calculated else []
    extra += item.notes
    more = markdown(f", {', '.join(extra)}") if extra else ""
    return f"{item.title or item.test}{kind} {markdown(_figure(item))} on {shown_day(item.day)}{more}"


def _figure(item: LabResult) -> str:
    """Value and unit as the laboratory sent them; a figure of ours as it was calculated."""
    reported = item.as_reported or (plain(round(item.value, 1)) if item.value is not None else "not usable")
    return readable_unit(reported)


def gap_words(gap: Gap) -> str:
    """A gap in a few plain words: what, and why."""
    what = gap.about.replace("-", " ") if gap.about else SECTION_WORDS[gap.section]
    return plain_text(f"{what} ({gap.reason.replace('-', ' ')})")


def why(finding: Finding) -> str:
    """The medicine it is about and the criteria that held, told by the data they rest on."""
    card = finding.card
    held = [step for step in finding.trace if step.value is True and not step.leaf.excludes]
    head = f"**Why you see this** (rule {card.id}, version {card.version})"
    medicines = [line for part in finding.each for line in _medicine(part.case.course)]
    return "\n".join([head, "", *dict.fromkeys(medicines), *_by_evidence(held)])


def _medicine(course: Course | None) -> list[str]:
    if course is None:
        return []
    name = markdown(course.head.name)
    if course.drafts:
        return [f"- {name}, ordered now"]
    since = use_began(course) if course.taken else None
    began = f" since {shown_day(since)}" if since else ""
    return [f"- {name}, {'taken' if course.taken else 'stopped'}{began}"]


def _by_evidence(steps: Iterable[Step]) -> list[str]:
    """One line for each piece of evidence, with every criterion that rests on it."""
    found: dict[str, dict[str, None]] = {}
    for step in steps:
        words = "; ".join(dict.fromkeys([evidence_words(item) for item in step.evidence[:5]]))
        found.setdefault(words, {})[step.leaf.text] = None
    return [f"- {words} ({'; '.join(texts)})" if words else f"- {'; '.join(texts)}" for words, texts in found.items()]


@lru_cache(maxsize=1024)
def closing(cards: tuple[Card, ...]) -> str:
    """The list of their sources, and what stands below it."""
    cited = {citation.key: citation for card in cards for citation in card.evidence}
    return f"{_sources(cited.values())}\n\n{standing(cards)}"


def _sources(evidence: Iterable[Citation]) -> str:
    lines = []
    for source in evidence:
        link = f" <{source.url}>" if source.url else ""
        lines.append(f"- {source.citation}{link}")
    return "\n".join(["**Sources**", "", *lines])


def standing(cards: Sequence[Card]) -> str:
    """Grade of evidence and last review of each rule, the draft mark, and the footer that every card carries."""
    lines = [DRAFT] if any(card.status == "draft" for card in cards) else []
    lines += [_evidence_line(card) for card in cards]
    return "\n\n".join([*lines, FOOTER])


def _evidence_line(card: Card) -> str:
    note = f" ({card.grade_note.rstrip('.')})" if card.grade_note else ""
    review = card.review.get("last_review") or "not yet reviewed by a clinician"
    return f"Evidence of {card.id}: {card.grade}{note}. Last clinical review: {review}."
