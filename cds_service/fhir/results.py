"""One Observation becomes laboratory results: its own value, and those of its components."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from msgspec import Raw

from cds_service.chart import Day, Gap, LabResult
from cds_service.fhir.amounts import number
from cds_service.fhir.codeable import code_word, short, word
from cds_service.fhir.dates import ANY_DAY, EARLIEST, Moment, moment
from cds_service.fhir.elements import Component, Quantity, ReferenceRange, Resource, present
from cds_service.fhir.reading import Reading
from cds_service.fhir.specimens import haemolysed, other_specimen
from cds_service.terminology import LabMatch, Unusable

_VOID = frozenset({"entered-in-error", "cancelled"})
_NOT_YET = frozenset({"preliminary", "registered"})
_RANKS = {"corrected": 3, "amended": 3, "final": 2, "preliminary": 0, "registered": 0}
_COMPARATORS = frozenset({"", "<", "<=", ">", ">="})
_TOLERATED_FUTURE = timedelta(days=1)
_LONGEST_UNIT = 40


class Found(NamedTuple):
    """One result, and by what it is ordered among others of its test: time, then release, then standing."""

    result: LabResult
    issued: datetime
    rank: int
    dated: bool


class Source(NamedTuple):
    """An Observation as delivered; `parent` is the report that contains it."""

    reference: str
    observation: Resource
    parent: Resource | None = None


class _Setting(NamedTuple):
    """What all results of one Observation share."""

    source: Source
    status: str
    at: Moment | None
    by_release: bool
    spoilt: Unusable | None


def results_of(source: Source, own: LabMatch | None, reading: Reading) -> Iterator[Found | Gap]:
    """The results an Observation holds, `own` being the test its own code names; a gap for one dated in the future.

    Void Observations hold none.
    """
    observation = source.observation
    status = word(observation.status)
    if status in _VOID:
        return
    parts = list(_components(observation, reading)) if observation.component else []
    counts = own is not None and not _only_a_heading(observation, parts, status)
    if counts or parts:
        at, by_release = taken_at(source)
        setting = _Setting(source, status, at, by_release, _spoilt(observation, reading))
        if own is not None and counts:
            yield _result(setting, own, observation, reading)
        for part, match in parts:
            yield _result(setting, match, part, reading)


def taken_at(source: Source) -> tuple[Moment | None, bool]:
    """When the specimen was taken, else when the result was released (then True)."""
    observation, parent = source.observation, source.parent
    found = moment(observation.effective_date_time) or _stated(observation)
    if found is None and parent is not None:
        found = moment(parent.effective_date_time) or _stated(parent)
    if found is not None:
        return found, False
    return moment(observation.issued) or moment(parent.issued if parent is not None else None), True


def _stated(resource: Resource) -> Moment | None:
    period = resource.effective_period
    ended = moment(period.end) or moment(period.start) if period is not None else None
    return ended or moment(resource.effective_instant)


def _components(observation: Resource, reading: Reading) -> Iterator[tuple[Component, LabMatch]]:
    for part in observation.component or ():
        match = reading.meaning(part.code).lab if part is not None else None
        if part is not None and match is not None:
            yield part, match


def _only_a_heading(observation: Resource, parts: list[tuple[Component, LabMatch]], status: str) -> bool:
    """A panel named like one of its members, or a request not yet answered: no result, and no failed one."""
    if observation.value_quantity is not None or _has_value(observation):
        return False
    return bool(parts) or present(observation.has_member) or status in _NOT_YET


def _has_value(part: Resource | Component) -> bool:
    return (
        part.value_quantity is not None
        or part.value_codeable_concept is not None
        or any(present(raw) for raw in (part.value_string, part.value_boolean, part.value_integer))
    )


def _result(setting: _Setting, match: LabMatch, part: Resource | Component, reading: Reading) -> Found | Gap:
    at = setting.at
    if at is not None and at.at > reading.now + _TOLERATED_FUTURE:
        return _gap(setting, match, Unusable("future-date", "the date of the result lies in the future"))
    quantity = part.value_quantity
    value = _value(setting, match, part, reading)
    problem = _gap(setting, match, value) if isinstance(value, Unusable) else None
    low, high = (
        _own_range(part.reference_range, match.test, quantity, reading) if part.reference_range else (None, None)
    )
    result = LabResult(
        match.test,
        match.variant,
        value if problem is None and not isinstance(value, Unusable) else None,
        at.day if at is not None else Day(ANY_DAY, reading.today),
        at.at if at is not None else EARLIEST,
        setting.source.reference,
        _as_reported(quantity) if quantity is not None else "",
        word(quantity.comparator) if quantity is not None else "",
        setting.status in _NOT_YET,
        haemolysed(setting.source.observation, part, reading),
        "",
        low,
        high,
        problem,
        _notes(match, setting.status, by_release=setting.by_release),
    )
    issued = moment(setting.source.observation.issued)
    rank = _RANKS.get(setting.status, 1)
    return Found(result, issued.at if issued is not None else EARLIEST, rank, at is not None)


def _spoilt(observation: Resource, reading: Reading) -> Unusable | None:
    """Why nothing in this Observation is a blood level, if so."""
    if present(observation.modifier_extension):
        return Unusable("not-interpreted", "an extension changes its meaning")
    elsewhere = other_specimen(observation, reading)
    return Unusable("other-specimen", f'not a blood sample: "{elsewhere}"') if elsewhere else None


def _value(setting: _Setting, match: LabMatch, part: Resource | Component, reading: Reading) -> float | Unusable:
    """The number in the unit of its test, or why it cannot be used."""
    if match.conflict:
        return Unusable("conflicting-codes", match.conflict)
    if setting.spoilt is not None:
        return setting.spoilt
    if part.value_quantity is None and not _has_value(part):
        reason = code_word(part.data_absent_reason)[:_LONGEST_UNIT]
        return Unusable("no-value", f"the result has no value ({reason})" if reason else "the result has no value")
    found = _number(part.value_quantity, match.test, reading)
    if setting.at is None and not isinstance(found, Unusable):
        return Unusable("no-date", "the result has no date that can be read")
    return found


def _number(quantity: Quantity | None, test: str, reading: Reading) -> float | Unusable:
    value = number(quantity.value) if quantity is not None else None
    if quantity is None or value is None:
        return Unusable("not-a-number", "the value is not a number")
    if quantity.comparator and word(quantity.comparator) not in _COMPARATORS:
        return Unusable("unknown-comparator", "the value is a limit of an unknown kind")
    return reading.terms.quantity(test, value, quantity.unit or "", quantity.code or "", quantity.system or "")


def _own_range(
    ranges: list[ReferenceRange | None], test: str, quantity: Quantity | None, reading: Reading
) -> tuple[float | None, float | None]:
    """The laboratory's own normal limits, where it states one normal range, in the unit of the test."""
    normal = [found for found in ranges if found is not None and code_word(found.type) in ("", "normal")]
    if len(normal) != 1 or quantity is None:
        return None, None
    return _limit(normal[0].low, test, quantity, reading), _limit(normal[0].high, test, quantity, reading)


def _limit(limit: Quantity | None, test: str, quantity: Quantity, reading: Reading) -> float | None:
    """One limit; without a unit of its own it takes that of the result."""
    value = number(limit.value) if limit is not None else None
    if limit is None or value is None:
        return None
    unit = limit if limit.unit or limit.code else quantity
    found = reading.terms.quantity(test, value, unit.unit or "", unit.code or "", unit.system or "")
    return found if isinstance(found, float) else None


def _as_reported(quantity: Quantity) -> str:
    """Value and unit as sent; a value that is no number is not quoted."""
    if number(quantity.value) is None:
        return ""
    return f"{_digits(quantity.value)} {_unit((quantity.unit or quantity.code or '')[:_LONGEST_UNIT])}".strip()


def _digits(raw: Raw) -> str:
    """The number as sent; one with more digits than any laboratory reports is shortened."""
    sent = bytes(raw)
    return sent.decode() if len(sent) <= 8 else f"{float(sent):.6g}"


@lru_cache(maxsize=512)
def _unit(sent: str) -> str:
    return short(sent, _LONGEST_UNIT)


def _notes(match: LabMatch, status: str, *, by_release: bool) -> tuple[str, ...]:
    if status in _RANKS and not match.care and not by_release:
        return ()
    standing = (
        "" if status in _RANKS else "status unknown" if status == "unknown" else "status missing or not understood"
    )
    return tuple(filter(None, (match.care, standing, "dated by its release" if by_release else "")))


def _gap(setting: _Setting, match: LabMatch, why: Unusable) -> Gap:
    return Gap("observations", why.reason, about=match.test, detail=why.detail, reference=setting.source.reference)
