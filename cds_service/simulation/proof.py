"""Proving that every criterion of a card matters: drop it or turn it round, and some vignette must notice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from cds_service import hooks
from cds_service.caller import ClientOptions
from cds_service.chart import Chart
from cds_service.decide import Decision, decide
from cds_service.fhir import gather, read_chart
from cds_service.hooks import HOOKS, Hook
from cds_service.knowledge.card import Card
from cds_service.knowledge.criteria import Criterion, Leaf, compile_criterion, leaves, negated, substituted
from cds_service.knowledge.library import Library
from cds_service.simulation.vignettes import CLOCK, Vignette, compare

_ID = UUID(int=1)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A vignette with its chart read once."""

    vignette: Vignette
    hook: Hook
    chart: Chart


def prepare(vignette: Vignette, library: Library) -> Prepared:
    """The chart of a vignette, read the way every request is read."""
    hook = next(hook for hook in HOOKS if hook == vignette.request["hook"])
    request = hooks.read_request(msgspec.json.encode(vignette.request), hook)
    chart = read_chart(request, gather(request, library.needs(hook)), library.terms, CLOCK)
    return Prepared(vignette, hook, chart)


def answer(prepared: Prepared, library: Library) -> Json:
    """The body that would be sent for a vignette."""
    decision = _decision(prepared, library)
    if decision.unanswerable:
        return {"cards": []}
    found: Json = msgspec.json.decode(hooks.encode_cards(decision.cards))
    return found


def _decision(prepared: Prepared, library: Library) -> Decision:
    options = ClientOptions(shows_drafts=True, findings_extension=True, region=prepared.vignette.region)
    return decide(prepared.chart, library, options, prepared.hook, _ID)


def faults(prepared: Prepared, library: Library) -> list[str]:
    """What a vignette's answer has wrong."""
    return compare(prepared.vignette, answer(prepared, library))


@dataclass(frozen=True, slots=True)
class Mutant:
    """A card with one criterion dropped or turned round, and words for what was done."""

    card: Card
    leaf: Leaf
    deed: str


def mutants(card: Card) -> Iterator[Mutant]:
    """Every card that differs from this one by one criterion: of its trigger, levels, summaries or suggestions."""
    for leaf in leaves(card.when):
        for deed, new in (("dropped", None), ("turned round", negated(leaf))):
            when = _changed(card.when, leaf, new)
            yield Mutant(replace(card, when=when, judge=compile_criterion(when)), leaf, deed)
    for leaf, levels in _turned(card.levels):
        yield Mutant(replace(card, levels=levels), leaf, "turned round")
    for leaf, summaries in _turned(card.summaries):
        yield Mutant(replace(card, summaries=summaries), leaf, "turned round")
    for leaf, offers in _turned(card.offers):
        yield Mutant(replace(card, offers=offers), leaf, "turned round")


def _turned(parts: tuple[Any, ...]) -> Iterator[tuple[Leaf, tuple[Any, ...]]]:
    """The levels, summaries or offers with one criterion turned round, once for each criterion in them."""
    for place, part in enumerate(parts):
        if part.criterion is None:
            continue
        for leaf in leaves(part.criterion):
            changed = _changed(part.criterion, leaf, negated(leaf))
            new = part._replace(criterion=changed, judge=compile_criterion(changed))
            yield leaf, (*parts[:place], new, *parts[place + 1 :])


def _changed(criterion: Criterion, leaf: Leaf, new: Leaf | None) -> Criterion:
    if criterion is leaf:
        return new if new is not None else negated(leaf)
    return substituted(criterion, leaf, new)


def survivors(card: Card, region: str, library: Library, prepared: Sequence[Prepared]) -> list[Mutant]:
    """The mutants of a card that no vignette notices; criteria a region shares with the first are proved there."""
    own = [one for one in prepared if one.vignette.card == card.id and one.vignette.region == region]
    own = [one for one in own if not faults(one, library)]  # a vignette that fails anyway proves nothing
    proved = _places(card.id, library) if card not in library.cards else set()
    return [
        mutant
        for mutant in mutants(card)
        if (mutant.leaf.place, mutant.leaf.line) not in proved and not _noticed(mutant, region, library, own)
    ]


def _places(card_id: str, library: Library) -> set[tuple[str, int]]:
    """Where the criteria of a card stand in the first region."""
    return {(leaf.place, leaf.line) for card in library.cards if card.id == card_id for leaf in card.leaves()}


def _noticed(mutant: Mutant, region: str, library: Library, own: Sequence[Prepared]) -> bool:
    cards = tuple(mutant.card if card.id == mutant.card.id else card for card in library.regions[region])
    changed = replace(library, regions={**library.regions, region: cards})
    return any(faults(one, changed) for one in own)
