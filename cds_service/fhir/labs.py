"""The laboratory results of the chart: per test, the newest first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from cds_service.chart import Day, Gap, LabResult
from cds_service.fhir.elements import Entry, Resource
from cds_service.fhir.reading import Reading
from cds_service.fhir.results import NO_DATE, Candidate, Source, candidates, gap_of, read_result, taken_at
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
    delivered = sources(entries)
    found, stating = _found(delivered, reading)
    newest_first = not partial or _newest_first(delivered)
    labs: dict[str, tuple[LabResult, ...]] = {}
    gaps: list[Gap] = []
    for test in sorted(found):
        results, lost = _counted(found[test], reading)
        gaps.extend(lost)
        if results:
            labs[test] = results if newest_first else tuple(map(_on_unsorted_page, results))
            gaps.extend(result.problem for result in labs[test][:1] if result.problem is not None)
    return LabsRead(labs, tuple(gaps), tuple(stating))


def _found(delivered: Iterable[Source], reading: Reading) -> tuple[dict[str, list[Candidate]], list[Source]]:
    """The results of these Observations by test, and the Observations that state a condition instead."""
    found: dict[str, list[Candidate]] = {}
    stating: list[Source] = []
    wanted = reading.tests
    for source in delivered:
        reading.check()
        meant = reading.meaning(source.observation.code)
        own = meant.lab
        if meant.observed is not None:
            stating.append(source)
        elif source.observation.component or (own is not None and (wanted is None or own.test in wanted)):
            for one in candidates(source, own, reading):
                if wanted is None or one.match.test in wanted:
                    found.setdefault(one.match.test, []).append(one)
    return found, stating


def sources(entries: Iterable[Entry]) -> list[Source]:
    """Every Observation, those contained in a DiagnosticReport included (they borrow its time)."""
    found: list[Source] = []
    for entry in entries:
        resource = entry.resource
        if resource is None:
            continue
        if resource.resource_type == "Observation":
            found.append(Source(entry, resource))
        elif resource.resource_type == "DiagnosticReport":
            found.extend(_contained(entry, resource))
    return found


def _contained(entry: Entry, report: Resource) -> Iterator[Source]:
    for held in report.contained or ():
        if held is not None and held.resource_type == "Observation":
            yield Source(entry, held, report)


def _counted(found: list[Candidate], reading: Reading) -> tuple[tuple[LabResult, ...], list[Gap]]:
    """The results of one test that count, newest first; undated and preliminary ones only if there is nothing else."""
    latest = reading.now + _TOLERATED_FUTURE
    dated: list[Candidate] = []
    future: list[Candidate] = []
    undated: list[Candidate] = []
    settled = True
    for one in found:
        (undated if one.at is None else future if one.newness[0] > latest else dated).append(one)
        settled = settled and not one.preliminary
    gaps = [gap_of(one, _IN_FUTURE) for one in future]
    gaps.extend(gap_of(one, NO_DATE) for one in undated if dated)
    counted = sorted(dated or undated, key=_NEWNESS, reverse=True)
    if not settled:
        counted = _settled(counted, gaps)
    results = _read(counted, reading)
    if len(results) == 1:
        return (results[0],), gaps
    distinct = len({result.reference for result in results}) == len(results)
    return tuple(results if distinct else dict.fromkeys(results)), gaps


def _read(newest_first: list[Candidate], reading: Reading) -> list[LabResult]:
    """The newest results of each variant: whole days, and on until one can be used whose day is known.

    Facts ask for the latest result, and whether any in a window can be used; results are combined with others of the
    same day. The rest of a long history stays unread.
    """
    least = reading.least_results(newest_first[0].match.test) if newest_first else 1
    held: dict[str, _Held] = {}
    found: list[tuple[tuple[object, ...], LabResult]] = []
    for one in newest_first:
        known = held.get(one.match.variant)
        day = one.at.day if one.at is not None else None
        if known is None or known.results < least or known.day == day or not known.usable:
            reading.check()
            result = read_result(one, reading)
            found.append(((*one.newness, result.value is not None, result.reference, result.as_reported), result))
            held[one.match.variant] = _Held.after(known, result, day)
    if len(found) > 1:
        found.sort(key=itemgetter(0), reverse=True)
    return [result for _, result in found]


class _Held(NamedTuple):
    """How many results of a variant were read, the day of the last one, and whether one of them can be used."""

    results: int
    day: Day | None
    usable: bool

    @classmethod
    def after(cls, known: "_Held | None", result: LabResult, day: Day | None) -> "_Held":
        """With one more result."""
        usable = result.value is not None and result.day.first == result.day.last
        return cls(1, day, usable) if known is None else cls(known.results + 1, day, known.usable or usable)


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


def _newest_first(found_in: Sequence[Source]) -> bool:
    """Whether a page runs from new to old, so that what is missing can only be older."""
    days = [at.day for at, _ in map(taken_at, found_in) if at is not None]
    return len(days) > 1 and all(one.first >= other.first for one, other in pairwise(days))


def _on_unsorted_page(result: LabResult) -> LabResult:
    detail = "only a part of the results was delivered, not in order of time: newer ones may exist"
    gap = Gap("observations", "partial", about=result.test, detail=detail, reference=result.reference)
    return replace(result, value=None, problem=result.problem or gap)
