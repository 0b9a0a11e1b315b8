"""Alert burden: how many cards a population gets, from which cards, at which level, and how long the answers take."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from time import perf_counter
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from cds_service import hooks, service
from cds_service.caller import ClientOptions
from cds_service.hooks import Hook
from cds_service.knowledge.card import INDICATORS
from cds_service.knowledge.library import Library
from cds_service.simulation.calls import call, day_after, noon
from cds_service.simulation.populations import Case, Place, Skipped

SLOWEST = 5
MUCH = 10.0  # percent: a card that more unselected calls show is tightened or justified (docs/burden.md)
_ID = UUID(int=1)

Json = dict[str, Any]
Said = tuple[str, str]  # a card and its indicator


class Answered(NamedTuple):
    """What became of one call: its status (500 for an error of ours), the cards shown, the findings in them."""

    place: Place
    hook: Hook
    status: int
    cards: int = 0
    findings: tuple[Said, ...] = ()
    failed: tuple[str, ...] = ()
    milliseconds: float = 0.0


class Asking(NamedTuple):
    """How a population is asked: by which hooks, for which region, with which clock.

    `as_of` is a day for all, or None for the day after the newest date of each patient.
    """

    library: Library
    hooks: tuple[Hook, ...]
    region: str
    as_of: date | None
    today: date


@dataclass
class Burden:
    """The counts over a population; `shown` counts findings and `spoken` calls, both by hook, card and indicator."""

    patients: int = 0
    cards: int = 0
    with_card: int = 0
    with_gaps: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    shown: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    spoken: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[Answered] = field(default_factory=list)
    slowest: list[Answered] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def measure(found: Iterable[Case | Skipped], asking: Asking) -> Burden:
    """The burden over these patients."""
    burden = Burden()
    service.failing_checks(asking.library, noon(asking.today))  # what only a first call does is no slow call
    about_gaps = frozenset(card.id for card in asking.library.cards if card.about.subject == "gaps")
    for one in found:
        if isinstance(one, Skipped):
            burden.skipped.append(one)
            continue
        burden.patients += 1
        for answered in answers(one, asking):
            _count(answered, burden, about_gaps)
    return burden


def answers(case: Case, asking: Asking) -> Iterator[Answered]:
    """One call for each hook, where the patient has what the hook is about."""
    now = noon(asking.as_of or day_after(case.entries, asking.today))
    for hook in asking.hooks:
        request = call(hook, case, now)
        if request is not None:
            yield answer(request, hook, case.place, asking, now)


def answer(request: Json, hook: Hook, place: Place, asking: Asking, now: datetime) -> Answered:
    """A call through the real decision path, without a journal."""
    options = ClientOptions(shows_drafts=True, region=asking.region)
    body = msgspec.json.encode(request)
    start = perf_counter()
    try:
        decision = service.judge(hooks.read_request(body, hook), options, asking.library, now, _ID).decision
        if not decision.unanswerable:
            hooks.encode_cards(decision.cards)
    except hooks.Refused as refused:
        return Answered(place, hook, refused.status)
    except Exception as error:
        return Answered(place, hook, 500, failed=(type(error).__name__,))
    spent = (perf_counter() - start) * 1000
    return Answered(
        place,
        hook,
        412 if decision.unanswerable else 200,
        len(decision.cards),
        tuple((card, level) for shown in decision.shown for card, _, level in shown.findings),
        tuple(outcome.card.id for outcome in decision.outcomes if outcome.result == "error"),
        spent,
    )


def _count(answered: Answered, burden: Burden, about_gaps: frozenset[str]) -> None:
    hook, spoken = answered.hook, {card for card, _ in answered.findings}
    burden.calls[hook] += 1
    burden.statuses[answered.status] += 1
    burden.cards += answered.cards
    burden.with_card += answered.cards > 0
    burden.with_gaps += not spoken.isdisjoint(about_gaps)
    burden.shown.update((hook, card, level) for card, level in answered.findings)
    burden.spoken.update((hook, card) for card in spoken)
    if answered.failed or answered.status >= 500:
        burden.failures.append(answered)
    burden.slowest = sorted([*burden.slowest, answered], key=lambda one: -one.milliseconds)[:SLOWEST]


def rate(count: int, calls: int) -> float:
    """So many for 100 calls, to one decimal."""
    return round(100 * count / calls, 1) if calls else 0.0


class Row(NamedTuple):
    """One line of the table: a card at one level under one hook. `per_100_calls` is of the calls of that hook."""

    card: str
    indicator: str
    hook: str
    shown: int
    calls: int
    per_100_calls: float


def table(burden: Burden) -> list[Row]:
    """Every card at every level at which it was shown, the graver first."""
    order: Mapping[str, int] = {level: place for place, level in enumerate(INDICATORS)}
    found = [
        Row(card, level, hook, count, burden.calls[hook], rate(count, burden.calls[hook]))
        for (hook, card, level), count in burden.shown.items()
    ]
    return sorted(found, key=lambda row: (row.card, order[row.indicator], row.hook))


def busy(burden: Burden) -> list[tuple[str, str, float]]:
    """The cards that speak on more than `MUCH` percent of the calls of a hook: card, hook, percent."""
    shares = ((card, hook, rate(count, burden.calls[hook])) for (hook, card), count in burden.spoken.items())
    return sorted(share for share in shares if share[2] > MUCH)


def summary(burden: Burden) -> Json:
    """Everything counted, as plain values."""
    calls = burden.calls.total()
    return {
        "patients": burden.patients,
        "calls": dict(burden.calls),
        "statuses": {str(status): count for status, count in sorted(burden.statuses.items())},
        "cards": burden.cards,
        "cards_per_100_calls": rate(burden.cards, calls),
        "calls_with_a_card_percent": rate(burden.with_card, calls),
        "calls_with_data_quality_percent": rate(burden.with_gaps, calls),
        "by_card": [row._asdict() for row in table(burden)],
        "above_10_percent": [{"card": card, "hook": hook, "percent": share} for card, hook, share in busy(burden)],
        "failures": [
            {"status": one.status, "failed": list(one.failed), "hook": one.hook, **_at(one.place)}
            for one in burden.failures
        ],
        "slowest": [
            {"milliseconds": round(one.milliseconds, 1), "hook": one.hook, **_at(one.place)} for one in burden.slowest
        ],
        "skipped": [{"reason": one.reason, **_at(one.place)} for one in burden.skipped],
    }


def _at(place: Place) -> Json:
    return {"file": str(place.file), "line": place.line}
