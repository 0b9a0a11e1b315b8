"""`demo` and `explain`: what is shown for a patient, and why."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cds_service import __version__
from cds_service.cli.output import OK, USAGE, cards_option, emit, json_option, library_of, stop

if TYPE_CHECKING:
    from cds_service.decide import Outcome
    from cds_service.knowledge.library import Library
    from cds_service.service import Judged
    from cds_service.simulation.fixtures import Fixture

region_option = click.option("--region", default="us", show_default=True, help="Jurisdiction: us, uk or de.")
DEMO = "ada"


@click.command()
@click.argument("name", default=DEMO)
@click.option("--list", "listing", is_flag=True, help="List the synthetic patients.")
@click.option("--whole", is_flag=True, help="Show the whole text of each card.")
@region_option
@cards_option
@json_option
def demo(name: str, listing: bool, whole: bool, region: str, cards: Path | None, as_json: bool) -> None:
    """Show one synthetic patient, the cards, and why each is shown. Needs no server."""
    from cds_service.cli.judging import cards_of, clock, judged
    from cds_service.simulation import fixtures

    if listing:
        found = [(fixture.name, fixture.story) for fixture in fixtures.patients(clock())]
        emit([{"name": n, "story": s} for n, s in found]) if as_json else _list(found)
        return
    library = library_of(cards)
    try:
        patient = fixtures.find(name, clock())
    except fixtures.UnknownFixture:
        stop(USAGE, f'No synthetic patient is called "{name}"; cramp-cds demo --list names them.')
    start = time.perf_counter()
    result = judged(patient.request, library, _region(region, tuple(library.regions)))
    spent = (time.perf_counter() - start) * 1000
    if as_json:
        emit({"patient": patient.name, "story": patient.story, "cards": cards_of(result)})
        return
    _draw(patient, library, result, spent, whole)


def _list(found: list[tuple[str, str]]) -> None:
    width = max((len(name) for name, _ in found), default=0)
    for name, story in found:
        click.echo(f"{name:<{width}}  {story}")


def _region(region: str, known: tuple[str, ...]) -> str:
    if region not in known:
        stop(USAGE, f'The region "{region}" is not one of {", ".join(known)}.')
    return region


def _draw(patient: "Fixture", library: "Library", result: "Judged", spent: float, whole: bool) -> None:
    from cds_service.cli.drawing import console, draw_cards, draw_trace
    from cds_service.cli.judging import cards_of

    out = console()
    name, hook = patient.name, patient.request["hook"]
    states = [card.status for card in library.cards]
    out.print(
        f"Cramp CDS {__version__} · library {library.version} ({len(states)} cards: {states.count('active')} active, "
        f"{states.count('draft')} draft) · synthetic patient [bold]{name}[/], hook {hook}"
    )
    out.print(f"[dim]{patient.story}[/]\n")
    draw_cards(out, cards_of(result), whole)
    told = [one for one in result.decision.outcomes if one.result != "quiet"]
    unjudged = len({one.card.id for one in told if one.result == "cannot-judge"})
    if unjudged:
        out.print(f"\n{unjudged} of {len(library.cards)} cards could not be judged: what they ask for is not known.")
    if told:
        out.print("\n[bold]Why[/]")
        draw_trace(out, told)
    else:
        out.print("Every card that concerns this patient was judged, and none applies.")
    out.print(f"\n{spent:.1f} ms. Next:  cramp-cds serve     cramp-cds demo --list     cramp-cds explain CARD {name}")


@click.command()
@click.argument("card")
@click.argument("request_or_patient", metavar="REQUEST.json")
@region_option
@cards_option
@json_option
def explain(card: str, request_or_patient: str, region: str, cards: Path | None, as_json: bool) -> None:
    """Show each criterion of CARD as true, false or unknown for a request (a file, or a synthetic patient's name)."""
    from cds_service.cli.judging import judged, wanted_request

    library = library_of(cards)
    chosen = [found for found in library.regions[_region(region, tuple(library.regions))] if found.id == card]
    if not chosen:
        stop(USAGE, f'No card is called "{card}". Cards: {", ".join(found.id for found in library.cards)}.')
    request = wanted_request(request_or_patient)
    if request.get("hook") not in chosen[0].hooks:
        stop(OK, f"{card} does not answer the hook {request.get('hook')}; it answers {', '.join(chosen[0].hooks)}.")
    result = judged(request, library, region)
    outcomes = [outcome for outcome in result.decision.outcomes if outcome.card.id == card]
    if as_json:
        emit([_plain(outcome) for outcome in outcomes])
    elif not outcomes:
        click.echo(f"{card}: not concerned; no medicine it is about is ordered or taken.")
    else:
        from cds_service.cli.drawing import console, draw_trace

        draw_trace(console(), outcomes)


def _plain(outcome: "Outcome") -> dict[str, object]:
    from cds_service.record import outcome as recorded

    return recorded(outcome)
