"""Source attributes as rows that a person reads: the thirteen of the rule, then what the project adds."""

from collections.abc import Iterator
from typing import NamedTuple

from cds_service.knowledge.card import Card, Offer
from cds_service.knowledge.criteria import Criterion
from cds_service.knowledge.gating import gates_before
from cds_service.knowledge.inputs import input_text
from cds_service.knowledge.references import Citation, References
from cds_service.knowledge.source_attributes import SourceAttributes
from cds_service.knowledge.statements import Statement
from cds_service.knowledge.traits import TRAIT_TITLES, TRAITS, Trait
from cds_service.knowledge.wording import STEP, anchor_text, asks_nothing, criterion_text, template_text

READ = {"yes": "read at the publisher", "copy": "read in a copy", "secondary": "not read at the source"}


class Row(NamedTuple):
    """One attribute: its key, its title and what is said, a line each."""

    key: str
    title: str
    lines: tuple[str, ...]


def required_rows(found: SourceAttributes) -> tuple[Row, ...]:
    """The thirteen attributes in the order of 45 CFR 170.315(b)(11)(iv)(A); each says something for every card."""
    return (
        Row("citations", "Bibliographic citation", tuple(_citations(found.card))),
        Row("developer", "Developer", tuple(_developer(found))),
        Row("funding", "Funding of the technical implementation", _said(found.statements["funding"])),
        Row("dates", "Release and revision dates", tuple(_dates(found.card))),
        *(Row(trait, f"Use of {TRAIT_TITLES[trait]}", tuple(_use(found, trait))) for trait in TRAITS),
    )


def further_rows(found: SourceAttributes, references: References) -> tuple[Row, ...]:
    """What the project adds, so that a professional can review the basis."""
    card, said = found.card, found.statements
    return (
        Row("intended_use", "Intended use", (card.attributes["intended_use"],)),
        Row("intended_users", "Intended users", _said(said["intended_users"])),
        Row("out_of_scope", "Out of scope", _said(said["out_of_scope"])),
        Row("indicator_reason", "Why this level", (card.attributes["indicator_reason"],)),
        Row("cautions", "Cautions", (card.attributes["cautions"],)),
        Row("limits", "Known limits", (card.attributes["limits"],)),
        Row("grade", "Grade of the evidence", (f"{card.grade}. {card.grade_note}".strip(),)),
        Row("jurisdictions", "Jurisdictions", (", ".join(found.jurisdictions),)),
        Row("owner", "Clinical owner", _said(said["owner"])),
        Row("inputs", "Data looked at", tuple(dict.fromkeys(_inputs(found, references))) or ("Nothing of its own.",)),
        Row("thresholds", "Figures and their basis", tuple(f"{one.text} [{one.basis}]" for one in found.thresholds)
                                                     or ("No criterion compares with a figure.",)),
        Row("basis_of_windows", "Basis of windows", _said(said["basis_of_windows"])),
        Row("gates", "Held back unless known", found.gates or ("No suggestion stands behind a gate.",)),
        Row("logic", "Logic", tuple(logic_text(card, references).splitlines())),
    )  # fmt: skip


def _said(one: Statement) -> tuple[str, ...]:
    return (one.text, f"To be confirmed: {one.to_confirm}") if one.to_confirm else (one.text,)


def _citations(card: Card) -> Iterator[str]:
    for at, source in enumerate(card.evidence):
        yield f"{_citation(source)} ({'primary source, ' if not at else ''}{READ[source.read]})"


def _citation(source: Citation) -> str:
    told = f"{source.citation}. {source.year}."
    return f"{told} {source.url}" if source.url else told


def _developer(found: SourceAttributes) -> Iterator[str]:
    yield from _said(found.statements["developer"])
    author = found.card.review["author"]
    yield f"Author of the content: {author}." if author else "Author of the content: nobody has signed yet."


def _dates(card: Card) -> Iterator[str]:
    review = card.review
    yield f"Version {card.version}, {card.status}."
    if not review["approved"]:
        yield "Not released: no clinician has approved it."
        return
    yield f"Approved on {review['approved']} by {review['reviewer']}."
    told = (("Last reviewed on", review["last_review"]), ("Next review due on", review["next_review"]))
    yield from (f"{words} {date}." for words, date in told if date)


def _use(found: SourceAttributes, trait: Trait) -> Iterator[str]:
    places = found.uses[trait]
    if not places:
        yield "Not used."
        return
    yield f"Used. {found.used_how[trait]}".strip()
    yield from places


def _inputs(found: SourceAttributes, references: References) -> Iterator[str]:
    members: tuple[tuple[str, Trait], ...] = (("birth date", "date-of-birth"), ("gender", "sex"))
    person = [name for name, trait in members if found.uses[trait]]
    if person:
        yield f"Patient: {' and '.join(person)}"
    yield from (input_text(one, references) for one in found.inputs)


# --- the logic in words


def logic_text(card: Card, references: References) -> str:
    """When a card is shown, at which level, and what it offers, in lines of plain words."""
    return "\n".join(_logic(card, references))


def _logic(card: Card, references: References) -> Iterator[str]:
    yield f"Asked on {', '.join(card.hooks)}."
    anchor = anchor_text(card.about, references)
    if anchor:
        each = ", each medicine by itself" if card.about.each else ""
        yield f"About: {anchor}{each}."
    yield from _when("Shown", card.when)
    for at, level in enumerate(card.levels):
        yield from _when(f"Level {level.indicator}", level.criterion, "if no level above holds" if at else "always")
    for offer in card.offers:
        yield from _offer(offer, references)


def _offer(offer: Offer, references: References) -> Iterator[str]:
    yield from _when(f'Suggestion "{template_text(offer.label)}"', offer.criterion)
    yield from (f"{STEP}only if this is known: {gate.why}" for gate in gates_before(offer, references))


def _when(what: str, criterion: Criterion | None, otherwise: str = "always") -> Iterator[str]:
    if criterion is None or asks_nothing(criterion):
        yield f"{what}: {otherwise}."
        return
    yield f"{what} when"
    yield from (f"{STEP}{line}" for line in criterion_text(criterion).splitlines())
