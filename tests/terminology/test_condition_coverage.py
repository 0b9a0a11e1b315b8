"""How many conditions of the shared patients are known by their code, of those whose words name one of ours."""

import dataclasses
import gzip
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from cds_service.terminology import Coding, Terms, build_terms, clean, clean_coding, read_tables
from tests.conftest import PATIENTS
from tests.terminology.shared_lists import SHARED

pytestmark = [
    pytest.mark.patients,
    pytest.mark.skipif(not PATIENTS.is_dir(), reason="the shared patients are not here (SHARED_PATIENTS)"),
]
MEMBERS = {"Condition": "code", "MedicationRequest": "reasonCode", "Procedure": "reasonCode"}


class Entry(NamedTuple):
    codings: tuple[Coding, ...]
    text: str


class Counted(NamedTuple):
    """Of `named` different coded entries, `sure` say by code all that their words name, `known` at least a part."""

    named: int
    sure: int
    known: int


def entries(value: Any) -> Iterator[Entry]:
    if isinstance(value, dict):
        stated = value.get(MEMBERS.get(str(value.get("resourceType")), ""))
        for one in stated if isinstance(stated, list) else [stated]:
            if isinstance(one, dict):
                found = [c for c in one.get("coding") or [] if isinstance(c, dict)]
                codings = (clean_coding(c.get("system"), c.get("code"), c.get("display")) for c in found)
                yield Entry(tuple(codings), clean(one.get("text")))
        for child in value.values():
            yield from entries(child)
    elif isinstance(value, list):
        for child in value:
            yield from entries(child)


@pytest.fixture(scope="module")
def seen() -> list[Entry]:
    found: dict[Entry, None] = {}
    for path in sorted(PATIENTS.glob("*/patients.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                found.update(dict.fromkeys(entries(json.loads(line))))
    return [entry for entry in found if entry.codings]


def counted(terms: Terms, seen: list[Entry]) -> Counted:
    named = sure = known = 0
    for entry in seen:
        words = terms.concepts([Coding("", "", coding.display) for coding in entry.codings], entry.text).unclear
        coded = terms.concepts([coding._replace(display="") for coding in entry.codings], "")
        if words:
            named += 1
            sure += words <= coded.concepts
            known += bool(words & (coded.concepts | coded.unclear))
    return Counted(named, sure, known)


def test_nearly_all_conditions_are_known_by_their_code(
    terms: Terms, listed: dict[str, Any], seen: list[Entry], capsys: pytest.CaptureFixture[str]
) -> None:
    tables = read_tables(SHARED)
    rows = [row for row in tables.conditions if row.system != "snomed" or row.root]
    kept, all_concepts = {row.concept for row in rows}, listed["conditions"]["concepts"]
    concepts = {name: {**one, "from": [s for s in one["from"] if s in kept]} for name, one in all_concepts.items()}
    only = {**listed, "conditions": {**listed["conditions"], "concepts": concepts}}
    bare = counted(build_terms(dataclasses.replace(tables, conditions=rows), **only), seen)
    found = counted(terms, seen)
    assert found.sure >= 0.9 * found.named, found
    assert found.known >= 0.95 * found.named, found
    assert bare.sure < found.sure
    with capsys.disabled():
        print(f"\nconditions: {found}; by roots alone {bare}")
