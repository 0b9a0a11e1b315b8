"""What the words around a result say of its specimen: another fluid than blood, or red cells broken in the tube.

Only words that a laboratory writes beside a result are looked at, never the patient's diagnoses.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeVar

import msgspec
from msgspec import Raw

from cds_service.fhir.codeable import short, text_of, words_of
from cds_service.fhir.elements import ABSENT, CodeableConcept, Component, Reference, Resource
from cds_service.fhir.reading import Reading

_LONGEST_NOTE = 2000
_LONGEST_TEST_NAME = 200
_T = TypeVar("_T")
_ELSEWHERE = re.compile(
    r"\b(urin\w*|harn\w*|csf|cerebrospinal|liquor|dialysat\w*|dialysis fluid|crrt|effluent|circuit|pleura\w*|ascit\w*"
    r"|periton\w*|synovial|sweat|saliva|stool|f[a]?eces|gastric|bile|amniotic|drain\w*|body fluid)\b",
    re.IGNORECASE,
)
_BROKEN = re.compile(r"h[a]?emoly\w+", re.IGNORECASE)
_NOT_BROKEN = re.compile(
    r"\b(?:no|not|non|without|free of|nil)[ -]+(?:\w+ ){0,2}h[a]?emoly\w+"
    r"|h[a]?emoly\w+(?: index)?\s*[:=-]?\s*(?:none|negative|absent|normal|not|no|nil|0)\b",
    re.IGNORECASE,
)


def other_specimen(observation: Resource, reading: Reading) -> str:
    """The word that shows that a result is not from the patient's blood, or ""."""
    if _plain(observation):
        return ""
    for words in _specimen_words(observation, reading):
        found = _ELSEWHERE.search(words)
        if found is not None:
            return found.group(0).lower()
    return ""


def haemolysed(observation: Resource, part: Resource | Component, reading: Reading) -> bool:
    """Whether the laboratory notes that red cells broke in the specimen, which falsifies some results."""
    told = [words_of(part.interpretation)] if part.interpretation else []
    if part.data_absent_reason is not None:
        told.append(words_of((part.data_absent_reason,)))
    if observation.note or observation.comment:
        told.append(short(observation.comment, _LONGEST_NOTE))
        told += [short(note.text, _LONGEST_NOTE) for note in observation.note or () if note is not None]
    if not _plain(observation):
        told += _specimen_words(observation, reading)
    return any(_BROKEN.search(_NOT_BROKEN.sub(" ", words)) for words in told)


def _plain(observation: Resource) -> bool:
    """Whether nothing at all is said of the specimen, which is the usual case."""
    if observation.specimen is not ABSENT or observation.body_site is not ABSENT:
        return False
    text = observation.code.text if observation.code is not None else None
    return not text or (_says_nothing(text) if len(text) <= _LONGEST_TEST_NAME else False)


@lru_cache(maxsize=2048)
def _says_nothing(test_name: str) -> bool:
    return not (_ELSEWHERE.search(test_name) or _BROKEN.search(test_name))


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
