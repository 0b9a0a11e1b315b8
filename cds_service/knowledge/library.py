"""The library: all cards for all regions, what data they need, and the revision that names this exact content."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from cds_service.chart import Needs, Section
from cds_service.hooks import Hook
from cds_service.knowledge.card import Card
from cds_service.knowledge.cards import read_card
from cds_service.knowledge.criteria import leaves
from cds_service.knowledge.faults import Fault, LibraryError, not_one_of
from cds_service.knowledge.references import References
from cds_service.knowledge.revision import revision_of
from cds_service.knowledge.shared import read_references, region_names
from cds_service.terminology import EXPANSIONS, Expansion, Terms, read_expansion

ByClass = Mapping[str, tuple[Card, ...]]


class Deck(NamedTuple):
    """The cards that answer a hook, in their order, and which of them speak when.

    Those `about_patient` always do; the others where a medicine of a class is drafted, taken or stopped. `quality` is
    the card about the gaps of a chart, which is not judged.
    """

    judged: tuple[Card, ...]
    quality: Card | None
    about_patient: tuple[Card, ...]
    drafted: ByClass
    taken: ByClass
    stopped: ByClass


def deck_of(cards: Iterable[Card], hook: Hook) -> Deck:
    """These cards, sorted by when they speak.

    On the order hooks that is for a draft, or for a medicine taken where the draft may be the partner.
    """
    held = tuple(cards)
    judged = tuple(card for card in held if card.about.subject != "gaps")
    medicine = [card for card in judged if card.about.subject == "medicine"]
    viewing = hook == "patient-view"
    return Deck(
        judged,
        next((card for card in held if card.about.subject == "gaps"), None),
        tuple(card for card in judged if card.about.subject == "patient"),
        _by_class([] if viewing else medicine),
        _by_class(medicine if viewing else [card for card in medicine if card.has_partner]),
        _by_class([card for card in judged if card.about.subject == "stopped"]),
    )


def _by_class(cards: Sequence[Card]) -> ByClass:
    classes = {name for card in cards for name in card.about.classes}
    return {name: tuple(card for card in cards if name in card.about.classes) for name in classes}


@dataclass(frozen=True, slots=True)
class Library:
    """Cards by region. `revision` is the SHA-256 over every file the cards are made of.

    What every call asks of it never changes: it is worked out at the first call and kept.
    """

    regions: Mapping[str, tuple[Card, ...]]
    references: References
    revision: str
    version: str
    _decks: dict[tuple[Hook, str, bool], Deck] = field(default_factory=dict, init=False, compare=False)
    _needs: dict[str, Needs] = field(default_factory=dict, init=False, compare=False)

    @property
    def terms(self) -> Terms:
        """The terminology the chart is read with."""
        return self.references.terms

    @property
    def cards(self) -> tuple[Card, ...]:
        """The cards as they stand in the first region."""
        return next(iter(self.regions.values()))

    def for_hook(self, hook: Hook, region: str, drafts: bool) -> Deck:
        """The cards that answer a hook in a region; draft cards only where they may be shown."""
        key = hook, region, drafts
        found = self._decks.get(key)
        if found is None:
            wanted = ("active", "draft") if drafts else ("active",)
            cards = (card for card in self.regions[region] if hook in card.hooks and card.status in wanted)
            found = self._decks[key] = deck_of(cards, hook)
        return found

    def needs(self, hook: str) -> Needs:
        """The data that some card of this hook looks at, in any region."""
        found = self._needs.get(hook)
        if found is None:
            found = self._needs[hook] = self._needed(hook)
        return found

    def _needed(self, hook: str) -> Needs:
        """What the cards of a hook look at, and what the gates before their suggestions look at."""
        cards = [card for cards in self.regions.values() for card in cards if hook in card.hooks]
        gated = [leaf for gate in self.references.gates for leaf in leaves(gate.only_if)] if cards else []
        sections: frozenset[Section] = frozenset().union(*(card.sections() for card in cards))
        tests: frozenset[str] = frozenset().union(*(card.tests() for card in cards))
        return Needs(sections.union(*(leaf.needs for leaf in gated)), tests.union(*(leaf.tests for leaf in gated)))


def load_library(folder: Path, data: Path | None = None) -> Library:
    """Read, check and compile everything below `folder`. Raises `LibraryError` with every fault found.

    With `data`, the descendants of SNOMED roots that the site keeps in that folder count too.
    """
    if not (folder / "shared").is_dir():
        raise LibraryError([Fault(str(folder), 0, "is not a folder of cards: it has no folder shared")])
    expansion = site_expansion(data)
    references = read_references(folder, expansion)
    names = region_names(folder)
    folders = card_folders(folder)
    regions = {name: _read_all(folders, folder, name, names, references) for name in names}
    revision = revision_of(folder, expansion.sha256 if expansion else "")
    return Library(regions, references, revision, _version(regions))


def site_expansion(data: Path | None) -> Expansion | None:
    """The descendants kept in a data folder, None without any. Raises `LibraryError` for a file that cannot be used."""
    if data is None:
        return None
    try:
        return read_expansion(data / EXPANSIONS)
    except (OSError, ValueError) as error:
        raise LibraryError([Fault(str(data / EXPANSIONS), 0, f"cannot be used: {error}")]) from error


def card_folders(root: Path) -> list[Path]:
    """The folders that hold a card, in the order of their names."""
    return sorted(path.parent for path in root.glob("*/*/card.yaml"))


def _read_all(
    folders: Iterable[Path], root: Path, region: str, regions: tuple[str, ...], references: References
) -> tuple[Card, ...]:
    cards: list[Card] = []
    faults: list[Fault] = []
    for folder in folders:
        try:
            cards.append(read_card(folder, root, region, regions, references))
        except LibraryError as error:
            faults += error.faults
    faults += _crossed(cards, references.catalogue)
    if faults:
        raise LibraryError(faults)
    return tuple(sorted(cards, key=lambda card: (card.priority, card.id)))


def _crossed(cards: list[Card], catalogue: frozenset[str]) -> list[Fault]:
    """Faults between cards: an id used twice, an id or a merge that the catalogue of ids does not know."""
    ids = [card.id for card in cards]
    faults = [Fault(f"{c.folder}/card.yaml", 0, f"the id {c.id} is used twice") for c in cards if ids.count(c.id) > 1]
    allowed = catalogue
    for card in cards:
        if card.id not in allowed:
            faults.append(Fault(f"{card.folder}/card.yaml", 0, not_one_of("the id", card.id, allowed)))
        named = card.merge.replaces | card.merge.joins | card.merge.yields_to
        faults += [
            Fault(f"{card.folder}/card.yaml", 0, f"merge: {not_one_of('the card', name, allowed)}")
            for name in sorted(named - allowed)
        ]
        guests = card.merge.joins | {other.id for other in cards if other.group == card.group and other is not card}
        faults += [
            Fault(f"{card.folder}/card.yaml", 0, f"summary: {not_one_of('the section it speaks for', name, guests)}")
            for wording in card.summaries
            for name in sorted(wording.speaks_for - guests)
        ]
    return faults


def _version(regions: Mapping[str, tuple[Card, ...]]) -> str:
    """The highest version among the cards."""
    versions = [tuple(int(part) for part in card.version.split(".")) for cards in regions.values() for card in cards]
    return ".".join(str(part) for part in max(versions, default=(0, 0, 0)))
