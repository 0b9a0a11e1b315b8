"""Calls a minute: how many are let through, how long the others are told to wait, and that it costs no thread."""

import threading

import pytest

from cds_service.trust.clients import Client
from cds_service.trust.rates import Rates
from cds_service.trust.refusals import Throttled
from tests.trust.issuing import client


class Clock:
    tick = 600.0

    def __call__(self) -> float:
        return self.tick


def taken(rates: Rates, who: Client) -> int:
    """How many calls in a row get through now, up to 1000."""
    for number in range(1000):
        try:
            rates.check(who)
        except Throttled:
            return number
        rates.count(who)
    return 1000


def wait(rates: Rates, who: Client) -> int:
    with pytest.raises(Throttled) as caught:
        rates.check(who)
    assert caught.value.client == who.name
    return caught.value.seconds


def test_a_minute_holds_as_many_as_agreed_and_each_client_its_own() -> None:
    clock = Clock()
    rates, usual, few = Rates(10, clock), client(name="usual"), client(name="few", rate_per_minute=3)
    assert (taken(rates, usual), taken(rates, few), taken(rates, usual)) == (10, 3, 0)
    for _ in range(5):
        rates.check(client(name="other"))  # asking takes nothing away


def test_the_minute_before_counts_as_far_as_it_still_reaches() -> None:
    clock = Clock()
    rates, who = Rates(10, clock), client()
    clock.tick = 659.0
    assert taken(rates, who) == 10
    clock.tick = 661.0  # two seconds later a minute of the clock is over, and the ten count nearly whole
    assert taken(rates, who) == 1
    clock.tick = 690.0
    assert taken(rates, who) == 4  # half of ten count, and the one


@pytest.mark.parametrize("burst", [600.0, 617.5, 645.0, 659.9])
@pytest.mark.parametrize("later", [0.0, 3.0, 40.0, 61.0])
def test_who_waits_as_long_as_told_gets_through_and_not_much_sooner(burst: float, later: float) -> None:
    clock = Clock()
    rates, who = Rates(10, clock), client()
    clock.tick = burst
    taken(rates, who)
    clock.tick = burst + later
    taken(rates, who)
    seconds = wait(rates, who)
    assert 1 <= seconds <= 61
    clock.tick = burst + later + seconds - 1.01
    if seconds > 1:
        assert taken(rates, who) == 0
    clock.tick = burst + later + seconds + 0.001
    assert taken(rates, who) >= 1


def test_no_sixty_seconds_hold_many_more_than_agreed() -> None:
    clock = Clock()
    rates, who = Rates(20, clock), client()
    calls = []
    for step in range(3000):
        clock.tick = 600.0 + step / 10
        try:
            rates.check(who)
        except Throttled:
            continue
        rates.count(who)
        calls.append(clock.tick)
    most = max(sum(start <= call < start + 60 for call in calls) for start in calls)
    assert 20 <= most <= 22
    assert len(calls) >= 5 * 20 - 5


def test_after_a_long_pause_nothing_is_held_against_a_client() -> None:
    clock = Clock()
    rates, who = Rates(10, clock), client()
    taken(rates, who)
    clock.tick += 120.1
    assert taken(rates, who) == 10


def test_counting_starts_no_thread_and_keeps_one_entry_for_a_client() -> None:
    rates, who = Rates(1000), client()
    before = threading.active_count()
    assert taken(rates, who) == 1000
    assert threading.active_count() == before
    assert len(rates._counted) == 1
