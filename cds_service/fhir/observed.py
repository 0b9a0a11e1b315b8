"""Conditions that Observations state: whether it is present, and the date on which it is due to end."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from cds_service.chart import Problem
from cds_service.fhir.codeable import codings, name_of, word
from cds_service.fhir.dates import Moment, day
from cds_service.fhir.elements import Resource, present
from cds_service.fhir.observations import VOID, Source, taken_at
from cds_service.fhir.reading import Reading


class _Statement(NamedTuple):
    """One Observation about a concept. `says` is None when its value is not understood."""

    concept: str
    says: bool | None
    at: Moment
    name: str
    reference: str
    lasts: timedelta


def read_observed(found_in: Sequence[Source], reading: Reading) -> tuple[Problem, ...]:
    """The conditions stated by Observations: for each concept what the newest statement says."""
    newest: dict[str, _Statement] = {}
    for statement in _statements(found_in, reading):
        known = newest.get(statement.concept)
        if known is None or _order(statement) > _order(known):
            newest[statement.concept] = statement
    return tuple(_problem(newest[concept], reading) for concept in sorted(newest) if newest[concept].says is not False)


def _order(statement: _Statement) -> tuple[object, ...]:
    # Of statements made at one moment the one that affirms counts, then the one not understood.
    return statement.at.at, {True: 2, None: 1, False: 0}[statement.says], statement.reference


def _statements(found_in: Iterable[Source], reading: Reading) -> Iterator[_Statement]:
    for source in found_in:
        observation = source.observation
        match = source.code.states
        if match is None or word(observation.status) in VOID:
            continue
        at, _ = taken_at(source)
        if at is None or at.at > reading.now + timedelta(days=1):
            continue
        says = _due(observation, reading) if match.kind == "due-date" else _says(observation, reading)
        if match.kind == "status" or says is not None:
            lasts = timedelta(days=match.lasts_days)
            yield _Statement(match.concept, says, at, name_of(observation.code), source.reference, lasts)


def _says(observation: Resource, reading: Reading) -> bool | None:
    if present(observation.modifier_extension):
        return None
    stated = bytes(observation.value_boolean)
    if stated in (b"true", b"false"):
        return stated == b"true"
    return reading.terms.affirms(codings(observation.value_codeable_concept))


def _due(observation: Resource, reading: Reading) -> bool | None:
    """True while the due date lies ahead; None otherwise: a date gone by says nothing of today."""
    due = day(observation.value_date_time)
    return True if due is not None and due.last >= reading.today else None


def _problem(statement: _Statement, reading: Reading) -> Problem:
    concepts = frozenset({statement.concept})
    current = statement.at.day.last >= reading.today - statement.lasts
    return Problem(
        name=statement.name,
        concepts=concepts if statement.says else frozenset(),
        active=current,
        reference=statement.reference,
        unclear=frozenset() if statement.says else concepts,
        recorded=statement.at.day,
    )
