"""The laboratory results of the chart: per test, the newest first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from cds_service.chart import Gap, LabResult
from cds_service.fhir.elements import Entry
from cds_service.fhir.reading import Reading, of_type
from cds_service.fhir.references import reference_of
from cds_service.fhir.results import Found, Source, results_of, taken_at

Labs = Mapping[str, tuple[LabResult, ...]]


class LabsRead(NamedTuple):
    """The results by test, what could not be read, and the Observations that state a condition instead."""

    labs: Labs
    gaps: tuple[Gap, ...]
    stating: tuple[Source, ...]


def read_labs(entries: Iterable[Entry], reading: Reading, *, partial: bool) -> LabsRead:
    """The results by test. `partial` says that only a page of them was delivered.

    The newest counts by the time of the specimen, then by release, then a correction before the rest. An unusable
    result keeps its place, so that nobody falls back to an older one without knowing.
    """
    gaps: list[Gap] = []
    stating: list[Source] = []
    found: dict[str, list[Found]] = {}
    delivered = sources(entries)
    for source in delivered:
        own, observed = reading.meaning(source.observation.code)
        if observed is not None:
            stating.append(source)
        elif own is not None or source.observation.component:
            for one in results_of(source, own, reading):
                if isinstance(one, Gap):
                    gaps.append(one)
                else:
                    found.setdefault(one.result.test, []).append(one)
    labs: dict[str, tuple[LabResult, ...]] = {}
    newest_first = not partial or _newest_first(delivered)
    for test in sorted(found):
        results, lost = _ordered(found[test])
        labs[test] = results if newest_first else tuple(map(_on_unsorted_page, results))
        gaps.extend(lost)
        gaps.extend(result.problem for result in labs[test][:1] if result.problem is not None)
    return LabsRead(labs, tuple(gaps), tuple(stating))


def sources(entries: Iterable[Entry]) -> list[Source]:
    """Every Observation, those contained in a DiagnosticReport included (they borrow its time)."""
    return [source for entry, _ in of_type(entries, "Observation", "DiagnosticReport") for source in _within(entry)]


def _within(entry: Entry) -> Iterator[Source]:
    resource = entry.resource
    if resource is None:
        return
    reference = reference_of(entry)
    if resource.resource_type == "Observation":
        yield Source(reference, resource)
        return
    for held in resource.contained or ():
        if held is not None and held.resource_type == "Observation":
            yield Source(f"{reference}#{(held.id or '').lstrip('#')}", held, resource)


def _ordered(found: list[Found]) -> tuple[tuple[LabResult, ...], list[Gap]]:
    """The results that count, newest first; undated and preliminary ones only where there is nothing else."""
    gaps: list[Gap] = []
    counted = [one for one in found if one.dated] or found
    if len(counted) < len(found):
        gaps.extend(one.result.problem for one in found if not one.dated and one.result.problem is not None)
    counted.sort(key=_newness, reverse=True)
    if any(one.rank == 0 for one in counted):
        counted = _settled(counted, gaps)
    results = tuple(one.result for one in counted)
    distinct = len({result.reference for result in results}) == len(results)
    return results if distinct else tuple(dict.fromkeys(results)), gaps


def _settled(newest_first: list[Found], gaps: list[Gap]) -> list[Found]:
    """Without preliminary results of a variant that has settled ones; a newer one left out is named."""
    settled: dict[str, Found] = {}
    for one in newest_first:
        if not one.result.preliminary:
            settled.setdefault(one.result.variant, one)
    for one in newest_first:
        known = settled.get(one.result.variant)
        if one.result.preliminary and known is not None and one.result.when > known.result.when:
            gaps.append(_newer_preliminary(one.result))
    return [one for one in newest_first if not one.result.preliminary or one.result.variant not in settled]


def _newness(one: Found) -> tuple[object, ...]:
    result = one.result
    return result.when, one.issued, one.rank, result.value is not None, result.reference, result.as_reported


def _newer_preliminary(result: LabResult) -> Gap:
    detail = "a newer result is preliminary and was not used"
    return Gap("observations", "newer-preliminary", about=result.test, detail=detail, reference=result.reference)


def _newest_first(found_in: Sequence[Source]) -> bool:
    """Whether a page runs from new to old, so that what is missing can only be older."""
    days = [at.day for at, _ in map(taken_at, found_in) if at is not None]
    return len(days) > 1 and all(one.first >= other.first for one, other in pairwise(days))


def _on_unsorted_page(result: LabResult) -> LabResult:
    detail = "only a part of the results was delivered, not in order of time: newer ones may exist"
    gap = Gap("observations", "partial", about=result.test, detail=detail, reference=result.reference)
    return replace(result, value=None, problem=result.problem or gap)
