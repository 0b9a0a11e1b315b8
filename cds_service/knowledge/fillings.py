"""Order templates read once: everything that is the same for each finding stands ready, the rest is a function.

A member whose placeholder has no value for a finding is left out, and so is what holds nothing else.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from cds_service.chart import Problem
from cds_service.knowledge.placeholders import Moment, find_placeholder, partners
from cds_service.knowledge.references import References
from cds_service.knowledge.spot import Spot
from cds_service.knowledge.templates import PLACEHOLDER

Json = dict[str, Any]
Filling = Callable[[Moment], Json]
_IN_DAYS = re.compile(r"in ([0-9]{1,3}) days\Z")


class _Fixed(NamedTuple):
    """A part that is the same for every finding."""

    value: object


_Fill = Callable[[Moment], object]
_Part = _Fixed | _Fill


def read_filling(resource: Mapping[str, object], spot: Spot, references: References) -> Filling:
    """A function from a finding to the resource (or to the members that an edit replaces).

    Refuses a placeholder that is not known, with the allowed ones; `spot` says in which file.
    """
    part = _read(resource, spot, references)
    fill = _always(part.value) if isinstance(part, _Fixed) else part

    def filling(moment: Moment) -> Json:
        found = fill(moment)
        return found if isinstance(found, dict) else {}

    return filling


def _always(value: object) -> _Fill:
    return lambda moment: dict(value) if isinstance(value, dict) else {}


def _read(value: object, spot: Spot, references: References) -> _Part:
    if isinstance(value, str):
        return _text(value, spot, references)
    if isinstance(value, Mapping):
        return _object({key: _read(part, spot, references) for key, part in value.items()})
    if isinstance(value, list):
        return _list([_read(part, spot, references) for part in value])
    return _Fixed(value)


def _object(parts: Mapping[str, _Part]) -> _Part:
    fixed = {key: part.value for key, part in parts.items() if isinstance(part, _Fixed) and part.value is not None}
    holes = tuple((key, part) for key, part in parts.items() if not isinstance(part, _Fixed))
    if not holes:
        return _Fixed(fixed or None)
    # A copy keeps the order of the members: each hole has its place.
    frame = {key: fixed.get(key) for key, part in parts.items() if key in fixed or not isinstance(part, _Fixed)}

    def fill(moment: Moment) -> object:
        found = frame.copy()
        for key, part in holes:
            found[key] = part(moment)
            if found[key] is None:
                del found[key]
        return found or None

    return fill


def _list(parts: list[_Part]) -> _Part:
    if all(isinstance(part, _Fixed) for part in parts):
        return _Fixed([part.value for part in parts if isinstance(part, _Fixed) and part.value is not None] or None)

    def fill(moment: Moment) -> object:
        found = [part.value if isinstance(part, _Fixed) else part(moment) for part in parts]
        return [value for value in found if value is not None] or None

    return fill


def _text(text: str, spot: Spot, references: References) -> _Part:
    """A text without placeholders stays; one that is a placeholder alone becomes its value; others are put together."""
    names = PLACEHOLDER.findall(text)
    if not names:
        return _Fixed(text)
    values = [_value(name, spot, references) for name in names]
    if PLACEHOLDER.fullmatch(text):
        return values[0]
    between = PLACEHOLDER.split(text)[::2]

    def fill(moment: Moment) -> object:
        shown = [str(value(moment) or "") for value in values]
        return between[0] + "".join(one + rest for one, rest in zip(shown, between[1:], strict=True))

    return fill


def _value(name: str, spot: Spot, references: References) -> _Fill:
    """The value of a placeholder: what only orders may name, else what texts may name, numbers as numbers."""
    if name in _ORDER_WORDS:
        return _ORDER_WORDS[name]
    later = _IN_DAYS.match(name)
    if later:
        return _in_days(int(later[1]))
    shown = find_placeholder(name, spot, references).fill
    return lambda moment: _number(shown(moment))


def _in_days(days: int) -> _Fill:
    return lambda moment: (moment.case.chart.now.date() + timedelta(days=days)).isoformat()


def _order(moment: Moment) -> str | None:
    """The medicine's own order; where the card is about the patient, the order that it found."""
    own = next((order.reference for order in moment.case.orders if order.reference), None)
    return own or next((order.reference for order in partners(moment.trace) if order.reference), None)


def _problem(moment: Moment) -> str | None:
    for step in moment.trace:
        for item in step.evidence if step.value else ():
            if isinstance(item, Problem) and item.reference.startswith("Condition/"):
                return item.reference
    return None


_ORDER_WORDS: Mapping[str, _Fill] = {
    "patient": lambda moment: f"Patient/{moment.case.chart.patient_id}",
    "order": _order,
    "condition": _problem,
    "today": _in_days(0),
}


def _number(shown: str) -> object:
    try:
        figure = float(shown)
    except ValueError:
        return None if shown == "?" else shown
    return int(figure) if figure == int(figure) else figure
