"""One Observation becomes laboratory results: its own value, and those of its components."""

from datetime import datetime

from msgspec import Raw, Struct

from cds_service.chart import Day, Gap, LabResult, Later
from cds_service.fhir.amounts import number
from cds_service.fhir.codeable import code_word, short, word
from cds_service.fhir.dates import ANY_DAY, EARLIEST, Moment, moment
from cds_service.fhir.elements import Component, Quantity, Resource, present
from cds_service.fhir.observations import VOID, Source, taken_at
from cds_service.fhir.reading import Reading
from cds_service.fhir.specimens import haemolysed, other_specimen
from cds_service.terminology import LabMatch, Unusable
from cds_service.terminology.memory import remembered

_NOT_YET = frozenset({"preliminary", "registered"})
_RANKS = {"corrected": 3, "amended": 3, "final": 2, "preliminary": 0, "registered": 0}
_COMPARATORS = frozenset({"<", "<=", ">", ">="})
_LONGEST_UNIT = 40
_Parts = list[tuple[Resource | Component, LabMatch]]
NO_DATE = Unusable("no-date", "the result has no date that can be read")


class Candidate(Struct, frozen=True):
    """A result found but not yet read: `part` is the Observation itself or one of its components.

    `at` is None when it has no date; `by_release` when only its release has one. `newness` orders results: the time of
    the specimen, then of the release, then a correction before the rest. It is `preliminary` while the laboratory has
    not settled it.
    """

    source: Source
    match: LabMatch
    part: Resource | Component
    at: Moment | None
    by_release: bool
    newness: tuple[datetime, datetime, int]
    preliminary: bool


def candidates(source: Source, reading: Reading) -> list[Candidate]:
    """The results an Observation holds: its own, and those of its components. Void Observations hold none."""
    observation, own = source.observation, source.code.lab
    status = word(observation.status)
    if status in VOID:
        return []
    if own is not None and observation.value_quantity is not None and not observation.component:
        return [_candidate(source, observation, own, status)]
    parts = _components(observation, reading)
    if own is not None and (observation.value_quantity is not None or not _only_a_heading(observation, parts, status)):
        parts = [(observation, own), *parts]
    return [_candidate(source, part, match, status) for part, match in parts]


def _candidate(source: Source, part: Resource | Component, match: LabMatch, status: str) -> Candidate:
    at, by_release = taken_at(source)
    issued = moment(source.observation.issued)
    rank = _RANKS.get(status, 1)
    newness = at.at if at is not None else EARLIEST, issued.at if issued is not None else EARLIEST, rank
    return Candidate(source, match, part, at, by_release, newness, status in _NOT_YET)


def _components(observation: Resource, reading: Reading) -> _Parts:
    """The components whose own codes name a test."""
    found = (
        (part, reading.concepts.observation(part.code).lab) for part in observation.component or () if part is not None
    )
    return [(part, match) for part, match in found if match is not None]


def _only_a_heading(observation: Resource, parts: _Parts, status: str) -> bool:
    """A panel named like one of its members, or a request not yet answered: no result, and no failed one."""
    if _has_value(observation):
        return False
    return bool(parts) or present(observation.has_member) or status in _NOT_YET


def _has_value(part: Resource | Component) -> bool:
    return (
        part.value_quantity is not None
        or part.value_codeable_concept is not None
        or any(present(raw) for raw in (part.value_string, part.value_boolean, part.value_integer))
    )


def read_result(found: Candidate, reading: Reading) -> LabResult:
    """The result in the unit of its test, or with the problem that makes it unusable."""
    part, at, test = found.part, found.at, found.match.test
    quantity = part.value_quantity
    figure = number(quantity.value) if quantity is not None else None
    value = _value(found, figure, reading)
    return LabResult(
        test=test,
        variant=found.match.variant,
        value=None if isinstance(value, Unusable) else value,
        day=at.day if at is not None else Day(ANY_DAY, reading.today),
        when=at.at if at is not None else EARLIEST,
        reference=found.source.reference,
        as_reported=_as_reported(quantity) if quantity is not None and figure is not None else "",
        comparator=_comparator(quantity) if quantity is not None else "",
        preliminary=found.preliminary,
        haemolysed=haemolysed(found.source, part, reading),
        own_low=Later(lambda: _own_low(part, test, reading)),
        problem=gap_of(found, value) if isinstance(value, Unusable) else None,
        notes=_notes(found),
        title=reading.terms.tests[test].title,
    )


def gap_of(found: Candidate, why: Unusable) -> Gap:
    """The gap that a result leaves which cannot be used."""
    return Gap("observations", why.reason, about=found.match.test, detail=why.detail, reference=found.source.reference)


def _spoilt(source: Source, reading: Reading) -> Unusable | None:
    """Why nothing in this Observation is a blood level, if so."""
    if present(source.observation.modifier_extension):
        return Unusable("not-interpreted", "an extension changes its meaning")
    elsewhere = other_specimen(source, reading)
    return Unusable("other-specimen", f'not a blood sample: "{elsewhere}"') if elsewhere else None


def _value(found: Candidate, figure: float | None, reading: Reading) -> float | Unusable:
    """The number in the unit of its test, or why it cannot be used; `figure` is the one sent, if any."""
    part = found.part
    if found.match.conflict:
        return Unusable("conflicting-codes", found.match.conflict)
    spoilt = _spoilt(found.source, reading)
    if spoilt is not None:
        return spoilt
    if part.value_quantity is None and not _has_value(part):
        reason = code_word(part.data_absent_reason)[:_LONGEST_UNIT]
        return Unusable("no-value", f"the result has no value ({reason})" if reason else "the result has no value")
    value = _number(part.value_quantity, figure, found.match.test, reading)
    return NO_DATE if found.at is None and not isinstance(value, Unusable) else value


def _number(quantity: Quantity | None, figure: float | None, test: str, reading: Reading) -> float | Unusable:
    if quantity is None or figure is None:
        return Unusable("not-a-number", "the value is not a number")
    if quantity.comparator and not _comparator(quantity):
        return Unusable("unknown-comparator", "the value is a limit of an unknown kind")
    return reading.terms.quantity(test, figure, quantity.unit or "", quantity.code or "", quantity.system or "")


def _comparator(quantity: Quantity) -> str:
    """The comparator where it is one of FHIR's; other words of a client are never passed on."""
    found = word(quantity.comparator)
    return found if found in _COMPARATORS else ""


def _own_low(part: Resource | Component, test: str, reading: Reading) -> float | None:
    """The lower end of the laboratory's own range, where it states one normal range, in the unit of the test.

    A limit without a unit of its own takes that of the result.
    """
    quantity, ranges = part.value_quantity, part.reference_range or ()
    normal = [found for found in ranges if found is not None and code_word(found.type) in ("", "normal")]
    if len(normal) != 1 or quantity is None:
        return None
    limit = normal[0].low
    value = number(limit.value) if limit is not None else None
    if limit is None or value is None:
        return None
    unit = limit if limit.unit or limit.code else quantity
    found = reading.terms.quantity(test, value, unit.unit or "", unit.code or "", unit.system or "")
    return found if isinstance(found, float) else None


def _as_reported(quantity: Quantity) -> str:
    """Value and unit as sent."""
    return f"{_digits(quantity.value)} {_unit((quantity.unit or quantity.code or '')[:_LONGEST_UNIT])}".strip()


def _digits(raw: Raw) -> str:
    """The number as sent; one with more digits than any laboratory reports is shortened."""
    sent = bytes(raw)
    return sent.decode() if len(sent) <= 8 else f"{float(sent):.6g}"


@remembered
def _unit(sent: str) -> str:
    return short(sent, _LONGEST_UNIT)


def _notes(found: Candidate) -> tuple[str, ...]:
    care, status = found.match.care, word(found.source.observation.status)
    if status in _RANKS and not care and not found.by_release:
        return ()
    doubt = "status unknown" if status == "unknown" else "status missing or not understood"
    return tuple(
        filter(None, (care, "" if status in _RANKS else doubt, "dated by its release" if found.by_release else ""))
    )
