"""The laboratory results of the chart: per test, the newest first."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from cds_service.chart import Day, Gap, LabResult
from cds_service.fhir.elements import Entry
from cds_service.fhir.observations import Source, sources, taken_at
from cds_service.fhir.reading import Reading
from cds_service.fhir.results import NO_DATE, Candidate, candidates, gap_of, read_result
from cds_service.terminology import Unusable

Labs = Mapping[str, tuple[LabResult, ...]]
_TOLERATED_FUTURE = timedelta(days=1)
_NEWNESS = attrgetter("newness")
_IN_FUTURE = Unusable("future-date", "the date of the result lies in the future")
_NOT_SETTLED = Unusable("newer-preliminary", "a newer result is preliminary and was not used")


class LabsRead(NamedTuple):
    """The results by test, what could not be read, and the Observations that state a condition instead."""

    labs: Labs
    gaps: tuple[Gap, ...]
    stating: tuple[Source, ...]


def read_labs(entries: Iterable[Entry], reading: Reading, *, partial: bool) -> LabsRead:
    """The newest results by test. `partial` says that only a page of them was delivered.

    The newest counts by the time of the specimen, then by release, then a correction before the rest. An unusable
    result keeps its place, so that nobody falls back to an older one without knowing.
    """
    found, stating = _found(entries, reading)
    newest_first = not partial or _newest_first(sources(entries, reading))
    labs: dict[str, tuple[LabResult, ...]] = {}
    gaps: list[Gap] = []
    for test in sorted(found):
        results, lost = _counted(found[test], reading)
        gaps.extend(lost)
        if results:
            labs[test] = results if newest_first else tuple(map(_on_unsorted_page, results))
            newest = labs[test][0]
            if newest.problem is not None:
                gaps.append(newest.problem)
    return LabsRead(labs, tuple(gaps), tuple(stating))


def _found(entries: Iterable[Entry], reading: Reading) -> tuple[Mapping[str, list[Candidate]], list[Source]]:
    """The results of the Observations by test, and the Observations that state a condition instead."""
    found: dict[str, list[Candidate]] = defaultdict(list)
    stating: list[Source] = []
    wanted = reading.tests
    for source in sources(entries, reading):
        own = source.code.lab
        if source.code.states is not None:
            stating.append(source)
        elif source.observation.component or (own is not None and (wanted is None or own.test in wanted)):
            for one in candidates(source, reading):
                if wanted is None or one.match.test in wanted:
                    found[one.match.test].append(one)
    return found, stating


def _counted(found: list[Candidate], reading: Reading) -> tuple[tuple[LabResult, ...], list[Gap]]:
    """The results of one test that count, newest first."""
    gaps: list[Gap] = []
    latest = reading.now + _TOLERATED_FUTURE
    newest_first = sorted(found, key=_NEWNESS, reverse=True)
    if any(one.at is None or one.preliminary or one.newness[0] > latest for one in found):
        newest_first = _settled(_dated(newest_first, latest, gaps), gaps)
    results = _read(newest_first, reading)
    distinct = len(results) == 1 or len({result.reference for result in results}) == len(results)
    return tuple(results if distinct else dict.fromkeys(results)), gaps


def _read(newest_first: list[Candidate], reading: Reading) -> list[LabResult]:
    """The newest results of each variant: whole days, and on until one can be used whose day is known.

    Facts ask for the latest result, and whether any in a window can be used; results are combined with others of the
    same day. The rest of a long history stays unread.
    """
    least = reading.least_results(newest_first[0].match.test) if newest_first else 1
    held: dict[str, _Held] = {}
    found: list[tuple[Candidate, LabResult]] = []
    for one in newest_first:
        known = held.get(one.match.variant)
        day = one.at.day if one.at is not None else None
        if known is None or known.results < least or known.day == day or not known.usable:
            reading.check()
            result = read_result(one, reading)
            found.append((one, result))
            held[one.match.variant] = _with_one_more(known, result, day)
    if len(found) > 1:
        found.sort(key=_place, reverse=True)
    return [result for _, result in found]


class _Held(Struct, frozen=True):
    """How many results of a variant were read, the day of the last one, and whether one of them can be used."""

    results: int
    day: Day | None
    usable: bool


def _with_one_more(known: _Held | None, result: LabResult, day: Day | None) -> _Held:
    usable = result.value is not None and result.day.first == result.day.last
    return _Held(1, day, usable) if known is None else _Held(known.results + 1, day, known.usable or usable)


def _place(read: tuple[Candidate, LabResult]) -> tuple[object, ...]:
    """Where a result stands among others of its test; of those made at one moment a usable one is the newest."""
    one, result = read
    return *one.newness, result.value is not None, result.reference, result.as_reported


def _dated(newest_first: list[Candidate], latest: datetime, gaps: list[Gap]) -> list[Candidate]:
    """Without results of the future, and without undated ones where another has a date; each one left out is named."""
    future = [one for one in newest_first if one.at is not None and one.newness[0] > latest]
    undated = [one for one in newest_first if one.at is None]
    dated = [one for one in newest_first if one.at is not None and one.newness[0] <= latest]
    gaps.extend(gap_of(one, _IN_FUTURE) for one in future)
    gaps.extend(gap_of(one, NO_DATE) for one in undated if dated)
    return dated or undated


def _settled(newest_first: list[Candidate], gaps: list[Gap]) -> list[Candidate]:
    """Without preliminary results of a variant that has settled ones; a newer one left out is named."""
    settled: dict[str, Candidate] = {}
    for one in newest_first:
        if not one.preliminary:
            settled.setdefault(one.match.variant, one)
    for one in newest_first:
        known = settled.get(one.match.variant)
        if one.preliminary and known is not None and one.newness[0] > known.newness[0]:
            gaps.append(gap_of(one, _NOT_SETTLED))
    return [one for one in newest_first if not one.preliminary or one.match.variant not in settled]


def _newest_first(found_in: Iterable[Source]) -> bool:
    """Whether a page runs from new to old, so that what is missing can only be older."""
    days = [at.day for at, _ in map(taken_at, found_in) if at is not None]
    return len(days) > 1 and all(one.first >= other.first for one, other in pairwise(days))


def _on_unsorted_page(result: LabResult) -> LabResult:
    detail = "only a part of the results was delivered, not in order of time: newer ones may exist"
    gap = Gap("observations", "partial", about=result.test, detail=detail, reference=result.reference)
    return replace(result, value=None, problem=result.problem or gap)
