"""Which finding silences, joins or gives way to which, as a page that a pharmacist can check; generated."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cds_service.knowledge.card import Card

_HEAD = """# Which card gives way to which

Generated from the `merge` part of every card by `cramp-cds vocabulary --write`; a stale page fails the tests.

Where the same holds of several medicines that a patient takes (one card, level and wording, from the same results),
one finding names them all; a medicine that is being ordered keeps a finding of its own. Findings of one card always
make one card on the screen, but for those of two drafts.

Two findings meet when they are about the same medicine, or when one of them is about the patient. A card also joins a
card of another group whatever the medicine. Findings of one group about one medicine always make one card: its head is
the finding that no other joins, else the one with the lowest priority number; the others are sections; its level is the
highest of them all. Where a section is graver than the head, the card opens with the summary of the gravest section,
unless the head's own summary speaks for it (`speaks_for`); the head's summary then stands first in the text.

A clinician sees at most five cards; critical ones are never left out; what finds no place is listed by title on the
last card, which also says what was not checked.

| when this fires | what it does | to this |
|---|---|---|
"""


class Row(NamedTuple):
    """One rule: the stronger card, the word for what happens, the card it happens to."""

    strong: str
    deed: str
    weak: str


def rows(cards: Sequence[Card]) -> Iterator[Row]:
    """Every rule between cards that exist, in the order of priority."""
    known = {card.id for card in cards}
    for card in cards:
        yield from (Row(card.id, "silences", other) for other in sorted(card.merge.replaces & known))
        yield from (Row(card.id, "takes in as a section", other) for other in sorted(card.merge.joins & known))
        yield from (Row(other, "silences", card.id) for other in sorted(card.merge.yields_to & known))
        for hook in sorted(card.merge.joins_any):
            yield Row(f"any other card on {hook} about the same problem", "takes in as a section", card.id)


def precedence_page(cards: Sequence[Card]) -> str:
    """The whole page as Markdown, with the order of the cards inside each group."""
    table = "".join(f"| {row.strong} | {row.deed} | {row.weak} |\n" for row in dict.fromkeys(rows(cards)))
    return f"{_HEAD}{table}\n## Order inside each group\n\n{_groups(cards)}"


def _groups(cards: Sequence[Card]) -> str:
    lines = []
    for group in sorted({card.group for card in cards}):
        members = ", ".join(f"{card.id} ({card.priority})" for card in cards if card.group == group)
        lines.append(f"- **{group}**: {members}\n")
    return "".join(lines)
