"""The three rings of checks over a folder of cards, with its test patients."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from cds_service.knowledge.coverage import Coverage, coverage
from cds_service.knowledge.faults import Fault, LibraryError, in_regions
from cds_service.knowledge.governance import Remark, remarks
from cds_service.knowledge.library import Library, card_folders, load_library, site_expansion
from cds_service.knowledge.schema import shape_faults
from cds_service.knowledge.source_attributes import attribute_faults
from cds_service.simulation import proof
from cds_service.simulation.proof import Prepared
from cds_service.simulation.versions import version_faults
from cds_service.simulation.vignettes import read_vignettes


class Report(NamedTuple):
    """What the checks found, how many cards, vignettes and criteria were looked at, and the codes of each condition."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    cards: int
    vignettes: int
    criteria: int
    revision: str
    coverage: tuple[Coverage, ...] = ()


def check(cards: Path, today: date, strict: bool = False, data: Path | None = None) -> Report:
    """Shape, references, governance and vignettes; never raises for a fault in the cards.

    With `data`, the descendants that the site keeps in that folder count too.
    """
    try:
        library = load_library(cards, data)
        shape = shape_faults(cards, card_folders(cards))
        prepared = [proof.prepare(one, library) for one in read_vignettes(cards, library.terms, tuple(library.regions))]
    except LibraryError as error:
        return Report(tuple(error.faults), (), len(card_folders(cards)), 0, 0, "")
    spoken = _remarks(library, today)
    faults = [*shape, *version_faults(cards), *_fatal(spoken, strict), *attribute_faults(library)]
    faults += [*vignette_faults(library, prepared), *unproved(library, prepared)]
    warnings = tuple(remark.fault for remark in spoken if not (remark.fatal or strict))
    criteria = sum(len(card.leaves()) for card in library.cards)
    covered = coverage(cards, site_expansion(data))
    return Report(tuple(faults), warnings, len(library.cards), len(prepared), criteria, library.revision, covered)


def _remarks(library: Library, today: date) -> list[Remark]:
    """What is said of the cards of every region, each sentence once."""
    found: dict[Remark, list[str]] = {}
    for region, cards in library.regions.items():
        for remark in (one for card in cards for one in remarks(card, library.references, today)):
            found.setdefault(remark, []).append(region)
    return [one._replace(fault=in_regions(one.fault, at, library.regions)) for one, at in found.items()]


def _fatal(spoken: list[Remark], strict: bool) -> list[Fault]:
    return [remark.fault for remark in spoken if remark.fatal or strict]


def vignette_faults(library: Library, prepared: list[Prepared]) -> Iterator[Fault]:
    """Vignettes whose answer is not as expected, and cards without one firing and one silent vignette."""
    for one in prepared:
        for text in proof.faults(one, library):
            yield Fault(one.vignette.file, one.vignette.line, f'"{one.vignette.name}": {text}')
    for card in library.cards:
        findings = [one.vignette.expect.finding for one in prepared if one.vignette.card == card.id]
        fires = sum(finding != "none" for finding in findings)
        if not fires or fires == len(findings):
            text = f"needs at least one vignette that fires and one that stays silent, found {fires} of {len(findings)}"
            yield Fault(f"{card.folder}/vignettes.yaml", 0, text)


def unproved(library: Library, prepared: list[Prepared]) -> Iterator[Fault]:
    """Criteria that no vignette proves: dropped or turned round, and nothing changed."""
    for region, cards in library.regions.items():
        for card in cards:
            for mutant in proof.survivors(card, region, library, prepared):
                text = (
                    f'no vignette ({region}) notices when "{mutant.leaf.text}" ({mutant.leaf.place}) is {mutant.deed}'
                )
                yield Fault(f"{card.folder}/card.yaml", mutant.leaf.line, text)
