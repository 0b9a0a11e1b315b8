"""What the orders of one medicine come to in a day: those in force, those being written, and the step between.

- Orders add up. One whose dose cannot be read adds from nothing to any amount ("at least 40 mg").
- A statement of use, and an order only possibly taken, may tell of another order's treatment again: with the same dose,
  or without any, it is that treatment; with another dose it counts from nothing to that dose. Two orders with two ids
  are two orders, also where they say the same; two statements that say the same may be one treatment or two.
- An order being written that has the id of one in force revises that one: the new dose is that of the others in force
  and the draft. One with an id of its own takes the place of the order in force; where several are in force it takes
  the place of one of them at least, and since nobody says of how many, new dose and step are ranges.
- What goes on unchanged does not matter to the step, even where its dose cannot be read.
- A criterion that a range leaves open is unknown, and what made the range is named.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cds_service.chart import Gap, Medication, Range
from cds_service.knowledge.case import Absent, Course
from cds_service.knowledge.quantities import plain

_Orders = Sequence[Medication]
_ANY = Range(0.0, math.inf)


class Total(NamedTuple):
    """A dose per day in mg, the orders it comes from, and why it is not known better.

    `range.high` is infinite where a dose cannot be read.
    """

    range: Range
    orders: tuple[Medication, ...] = ()
    doubts: tuple[Gap | Absent, ...] = ()


NOTHING = Total(Range(0.0, 0.0))


class Change(NamedTuple):
    """The orders being written, the orders in force whose place they take, and what goes on beside them."""

    written: Total
    replaced: Total
    kept: Total


class _Told(NamedTuple):
    """Orders that surely count, and those that may tell of one of them again with another dose."""

    sure: tuple[Medication, ...]
    perhaps: tuple[Medication, ...]

    @property
    def orders(self) -> tuple[Medication, ...]:
        return (*self.sure, *self.perhaps)

    def only(self, wanted: Callable[[Medication], bool]) -> "_Told":
        return _Told(tuple(filter(wanted, self.sure)), tuple(filter(wanted, self.perhaps)))


def total(orders: _Orders) -> Total:
    """All these orders together; `NOTHING` where there are none."""
    alone = orders[0].dose.daily if len(orders) == 1 else None
    if alone is not None:
        return Total(alone, tuple(orders))
    return _sum(_told(orders))


def in_force(course: Course) -> Total:
    """What is taken now."""
    return total(course.taken)


def planned(course: Course) -> Total:
    """What it comes to with the orders being written; where none is, what is taken, or was before it was stopped."""
    if not course.drafts or not course.taken:
        return total(course.current)
    change = changed(course)
    low = change.written.range.low + change.kept.range.low
    high = change.written.range.high + change.kept.range.high
    return Total(
        Range(low, high),
        (*change.written.orders, *change.kept.orders),
        _once(change.written.doubts, change.kept.doubts),
    )


def step(course: Course) -> Total:
    """By how much the orders being written raise the dose: what goes on unchanged does not matter, even if unread."""
    new, old, _ = changed(course)
    raised = Range(new.range.low - old.range.high, new.range.high - old.range.low)
    return Total(raised, (*new.orders, *old.orders), _once(new.doubts, old.doubts))


def changed(course: Course) -> Change:
    """What the orders being written do to those in force."""
    written = total(course.drafts)
    told = _told(course.taken)
    names = {draft.reference for draft in course.drafts if draft.reference}
    revised = told.only(lambda order: order.reference in names)
    others = told.only(lambda order: order.reference not in names)
    listed = {order.reference for order in course.taken if order.reference}
    own = [draft for draft in course.drafts if draft.reference not in listed]
    if not own or not others.orders:
        return Change(written, _sum(revised, beside=bool(others.orders)), _sum(others, beside=True))
    if len(others.orders) == 1:
        return Change(written, _sum(told), NOTHING)
    return _some_replaced(written, _sum(revised, beside=True), others, own[0])


def _some_replaced(written: Total, revised: Total, others: _Told, draft: Medication) -> Change:
    """One at least of several orders goes; at most all do."""
    most = _sum(others)
    least = min(_readable(order).low for order in others.orders)
    left = sum(sorted(_readable(order).high for order in others.orders)[1:])
    unsaid = Gap(
        "medications", "several-orders", "dose",
        "it is not said which of the orders in force this one takes the place of", draft.reference,
    )  # fmt: skip
    replaced = Range(revised.range.low + least, revised.range.high + most.range.high)
    return Change(
        written,
        Total(replaced, (*revised.orders, *others.orders), _once(revised.doubts, most.doubts, (unsaid,))),
        Total(Range(0.0, left), others.orders, _once(most.doubts, (unsaid,))),
    )


def _told(orders: _Orders) -> _Told:
    """The orders, without those that tell of another one's treatment again and say nothing else of its dose."""
    sure = tuple(order for order in orders if not _tells_again(order))
    perhaps: list[Medication] = []
    said = {order.dose.daily for order in sure}
    for order in sorted(filter(_tells_again, orders), key=lambda one: one.dose.daily is None):
        daily = order.dose.daily
        says_more = order.dose.written if daily is None else daily not in said
        if says_more or not (sure or perhaps):
            perhaps.append(order)
    return _Told(sure, tuple(perhaps))


def _tells_again(order: Medication) -> bool:
    return order.role != "draft" and (order.role == "possibly-taken" or order.reported)


def _sum(told: _Told, *, beside: bool = False) -> Total:
    """These orders together; `beside` others, so that all of those that may be told twice may be nothing."""
    orders = told.orders
    if not orders:
        return NOTHING
    low = sum(_readable(order).low for order in told.sure)
    if not beside and not any(map(_is_readable, told.sure)):
        # Beside an order whose dose cannot be read, one that is only possibly taken may be nothing.
        telling = [order for order in told.perhaps if not told.sure or order.role == "taken"]
        low = min((_readable(order).low for order in telling), default=0.0)
    high = sum(_readable(order).high for order in orders)
    doubts = [unread(order) for order in orders if order.dose.daily is None]
    doubts += [_told_twice(order) for order in told.perhaps if beside or len(orders) > 1]
    return Total(Range(low, high), orders, _once(doubts))


def _is_readable(order: Medication) -> bool:
    return order.dose.daily is not None or any(order.dose.parts)


def _readable(order: Medication) -> Range:
    """What is known of the dose per day: all of it, or that of the instructions that can be computed and more."""
    if order.dose.daily is not None:
        return order.dose.daily
    return Range(sum(part.low for part in order.dose.parts if part), math.inf) if order.dose.parts else _ANY


def unread(order: Medication) -> Absent | Gap:
    """A dose that is written but cannot be computed is unread; where none is written there is nothing to read."""
    if order.dose.written:
        return Gap("medications", "not-read", "dose", order.dose.problem, order.reference)
    return Absent("a dose", order.dose.problem or "it cannot be computed")


def _told_twice(order: Medication) -> Gap:
    detail = "two entries of the list may tell of one treatment"
    return Gap("medications", "several-orders", "dose", detail, order.reference)


def _once(*doubts: Sequence[Gap | Absent]) -> tuple[Gap | Absent, ...]:
    return tuple(dict.fromkeys(doubt for some in doubts for doubt in some))


def spread(found: Range) -> str:
    """A range in words: one number, from–to, at least, up to."""
    if found.low == found.high:
        return plain(found.low)
    if found.high == math.inf:
        return f"at least {plain(found.low)}"
    if found.low < 0:
        return f"{plain(found.low)} to {plain(found.high)}" if found.low > -math.inf else f"at most {plain(found.high)}"
    return f"up to {plain(found.high)}" if found.low == 0 else f"{plain(found.low)}-{plain(found.high)}"


def known(found: Total) -> str:
    """The same for a text, without a unit; empty where nothing is known."""
    said = bool(found.orders) and (found.range.low > 0 or found.range.high < math.inf)
    return spread(found.range) if said else ""


def told(found: Total) -> list[str]:
    """What a total comes to and what every order and every part of a dosage adds to it, a line for each."""
    if len(found.orders) == 1:
        return [f"{spread(found.range)} mg{_parts(found.orders[0])}"]
    each = Counter(f"{order.name}: {_amount(order)}" for order in found.orders)
    lines = [line if count == 1 else f"{count} times {line}" for line, count in each.items()]
    return [f"{spread(found.range)} mg in {len(found.orders)} orders", *lines]


def _amount(order: Medication) -> str:
    return f"{spread(_readable(order))} mg{_parts(order)}" if _is_readable(order) else "dose not read"


def _parts(order: Medication) -> str:
    parts = [spread(part) if part else "one not read" for part in order.dose.parts]
    return f" ({' + '.join(parts)})" if parts else ""
