"""The third ring of checks: people, dates, lengths; what a committee asks of a card before it may be active."""

import re
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from cds_service.hooks import LONGEST_SUMMARY
from cds_service.knowledge.card import Card
from cds_service.knowledge.faults import Fault
from cds_service.knowledge.placeholders import NAMES
from cds_service.knowledge.references import References
from cds_service.knowledge.source_attributes import statements
from cds_service.knowledge.statements import FILE
from cds_service.knowledge.templates import LONGEST_LABEL, SHORTEST_NAME, Template
from cds_service.knowledge.wording import template_text

_DATES = ("approved", "last_review", "next_review")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
# The most a placeholder can need, the shortening of names included.
_LONGEST = {**dict.fromkeys(NAMES, SHORTEST_NAME), "age": 7, "missing": 24,
            "drug.dose": 20, "drug.since": 16, "drug.stopped": 16, "condition.date": 16, "dose.from": 13, "dose.to": 13,
            "dose.days": 20}  # fmt: skip
_LONGEST_VALUE, _LONGEST_DATE, _LONGEST_REPORT = 6, 10, 16


class Remark(NamedTuple):
    """A fault of governance; `fatal` ones fail the check, the others are warnings (fatal with `--strict`)."""

    fault: Fault
    fatal: bool


def remarks(card: Card, references: References, today: date) -> Iterator[Remark]:
    """Everything a committee would send a card back for."""
    file = f"{card.folder}/card.yaml"
    yield from (Remark(Fault(file, 0, text), True) for text in _said(card, references))
    yield from _due(card, file, today)
    yield from (Remark(Fault(file, 0, text), True) for text in _oversized(card, references))


def _oversized(card: Card, references: References) -> Iterator[str]:
    texts = [
        *(("a summary", summary.template, LONGEST_SUMMARY) for summary in card.summaries),
        *(("the label of a suggestion", offer.label, LONGEST_LABEL) for offer in card.offers),
    ]
    for what, template, most in texts:
        length = _longest(template, references)
        if length > most:
            shown = "".join(part.text for part in template.parts)[:60]
            yield f"{what} may reach {length} characters, allowed are {most}: {shown}"


def _said(card: Card, references: References) -> Iterator[str]:
    yield from _review(card)
    yield from _unnamed(card)
    yield from _overrated(card)
    yield from _unconfirmed(card, references)


def _unnamed(card: Card) -> Iterator[str]:
    """Suggestions whose label leaves open which order they act on: on a card of several medicines that is a trap."""
    for offer in card.offers:
        if offer.kind != "create" and "draft" not in offer.label.names:
            label = template_text(offer.label)
            yield f'the suggestion "{label}" acts on the draft: its label must name it with {{{{draft}}}}'


def _longest(template: Template, references: References) -> int:
    """The greatest length of a text, names shortened as far as the engine shortens them."""
    return sum(_room(part.filler.name, references) if part.filler else len(part.text) for part in template.parts)


def _room(name: str, references: References) -> int:
    if name in _LONGEST:
        return _LONGEST[name]
    if name.startswith("pair."):
        column = name.removeprefix("pair.")
        return max(len(row.get(column, "")) for table in references.pairs.values() for row in table.rows.values())
    if name.startswith("lab."):
        view = name.rpartition(".")[2]
        return {"date": _LONGEST_DATE, "reported": _LONGEST_REPORT, "kind": 12}.get(view, _LONGEST_VALUE)
    return _LONGEST_VALUE


def _review(card: Card) -> Iterator[str]:
    people = card.review
    for key in _DATES:
        if people[key] and not _DATE.match(people[key]):
            yield f'review.{key} "{people[key]}" is not a date such as 2026-11-22'
    if people["reviewer"] and people["reviewer"] == people["author"]:
        yield "review.reviewer is the author: another person must review"
    if card.status == "active":
        yield from (f"an active card needs review.{key}" for key in people if not people[key])


def _overrated(card: Card) -> Iterator[str]:
    """A grade that the primary source cannot carry."""
    primary = card.evidence[0]
    if card.grade == "confirmed" and primary.read == "secondary":
        found = f"found that the primary source {primary.key} was not read at the source (read: secondary)"
        yield f"grade is confirmed, {found}; allowed: grade: to be confirmed, or a source that was read in first place"


def _unconfirmed(card: Card, references: References) -> Iterator[str]:
    """What must still be confirmed before a card may be active, in whatever region it says so."""
    if card.status != "active":
        return
    if card.grade == "to be confirmed":
        yield f'an active card has no evidence "to be confirmed", found grade: to be confirmed{_cited(card)}'
    for name, one in statements(card, references).items():
        if one.to_confirm:
            yield f"an active card needs a confirmed {name}, found to_confirm at {FILE}:{one.line}: {one.to_confirm}"


def _cited(card: Card) -> str:
    return f" ({card.grade_note})" if card.grade_note else ""


def _due(card: Card, file: str, today: date) -> Iterator[Remark]:
    due = card.review["next_review"]
    if _DATE.match(due) and date.fromisoformat(due) < today:
        yield Remark(Fault(file, 0, f"the review was due on {due}"), False)
