"""What the words around a result say of its specimen: another fluid than blood, or red cells broken in the tube.

Only words that a laboratory writes beside a result are looked at, never the patient's diagnoses.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from msgspec import Raw

from cds_service.fhir.codeable import short, text_of, words_of
from cds_service.fhir.elements import ABSENT, CodeableConcept, Component, Reference, Resource
from cds_service.fhir.observations import Source
from cds_service.fhir.reading import Reading

_LONGEST_NOTE = 2000
_T = TypeVar("_T")


def other_specimen(source: Source, reading: Reading) -> str:
    """The word that shows that a result is not from the patient's blood, or ""."""
    if _nothing_said(source):
        return ""
    told = map(reading.terms.specimens.elsewhere, _specimen_words(source.observation, reading))
    return next((word for word in told if word), "")


def haemolysed(source: Source, part: Resource | Component, reading: Reading) -> bool:
    """Whether the laboratory notes that red cells broke in the specimen, which falsifies some results."""
    observation = source.observation
    told = [words_of(part.interpretation)] if part.interpretation else []
    if part.data_absent_reason is not None:
        told.append(words_of((part.data_absent_reason,)))
    if observation.note or observation.comment:
        told.append(short(observation.comment, _LONGEST_NOTE))
        told += [short(note.text, _LONGEST_NOTE) for note in observation.note or () if note is not None]
    if not _nothing_said(source):
        told += _specimen_words(observation, reading)
    return any(map(reading.terms.specimens.broken, told))


def _nothing_said(source: Source) -> bool:
    """Whether nothing at all is said of the specimen, which is the usual case."""
    observation = source.observation
    return source.code.of_blood and observation.specimen is ABSENT and observation.body_site is ABSENT


def _specimen_words(observation: Resource, reading: Reading) -> Iterator[str]:
    yield text_of(observation.code)
    if observation.body_site is not ABSENT:
        yield words_of((_read(observation.body_site, CodeableConcept),))
    if observation.specimen is not ABSENT:
        pointer = _read(observation.specimen, Reference)
        yield short(pointer.display) if pointer is not None else ""
        specimen = reading.index.resolve(pointer, observation)
        if specimen is not None:
            yield words_of((_read(specimen.type, CodeableConcept),))
            yield from (short(note.text, _LONGEST_NOTE) for note in specimen.note or () if note is not None)


def _read(raw: Raw, kind: type[_T]) -> _T | None:
    """A member kept raw, or None where it has another shape."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, RecursionError):
        return None
