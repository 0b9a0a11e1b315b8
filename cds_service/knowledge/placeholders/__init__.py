"""What a card's text may name: `{{drug}}`, `{{lab.<test>}}`, `{{condition}}` and the rest, each with its meaning.

`catalogue` lists them all; `medicines`, `doses`, `findings` and `labs` hold the words of one subject each, `moment`
what they are taken from, `words` how lists, dates and long names are written.
"""

from cds_service.knowledge.placeholders.catalogue import (
    NAMES,
    PLACEHOLDER_TRAITS,
    Filler,
    described_placeholders,
    find_placeholder,
    placeholder_names,
)
from cds_service.knowledge.placeholders.moment import Moment, draft_of, partners
from cds_service.knowledge.placeholders.words import shortened, shown_day

__all__ = [
    "NAMES",
    "PLACEHOLDER_TRAITS",
    "Filler",
    "Moment",
    "described_placeholders",
    "draft_of",
    "find_placeholder",
    "partners",
    "placeholder_names",
    "shortened",
    "shown_day",
]
