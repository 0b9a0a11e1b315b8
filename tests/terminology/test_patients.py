"""Coverage over the shared synthetic patients; skipped where they are absent."""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.terminology import Unusable, clean, clean_coding
from tests.conftest import PATIENTS

pytestmark = [
    pytest.mark.patients,
    pytest.mark.skipif(not PATIENTS.is_dir(), reason="the shared patients are not here (SHARED_PATIENTS)"),
]


def resources(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "resourceType" in value:
            yield value
        for child in value.values():
            yield from resources(child)
    elif isinstance(value, list):
        for child in value:
            yield from resources(child)


@pytest.fixture(scope="module")
def seen() -> dict[str, list[dict[str, Any]]]:
    wanted = {"MedicationRequest", "Observation", "Condition"}
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in wanted}
    for path in sorted(PATIENTS.glob("*/patients.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                for resource in resources(json.loads(line)):
                    if resource["resourceType"] in wanted:
                        found[resource["resourceType"]].append(resource)
    return found


def concept(value: Any):
    value = value[0] if isinstance(value, list) and value else value
    value = value if isinstance(value, dict) else {}
    codings = [clean_coding(c.get("system"), c.get("code"), c.get("display")) for c in value.get("coding") or []]
    return codings, clean(value.get("text"))


def test_every_diuretic_is_found_by_code(terms, seen):
    names = ("hydrochlorothiazide", "furosemide", "chlorthalidone", "lasix")
    missed = Counter()
    for order in seen["MedicationRequest"]:
        codings, text = concept(order.get("medicationCodeableConcept"))
        said = " ".join([text, *(coding.display for coding in codings)]).lower()
        if any(name in said for name in names):
            match = terms.drug(codings, text)
            if "diuretic" not in match.classes:
                missed[said] += 1
    assert not missed


def test_results_are_usable_or_say_why(terms, seen):
    usable, reasons = 0, Counter()
    for result in seen["Observation"]:
        match = terms.lab(concept(result.get("code"))[0])
        quantity = result.get("valueQuantity")
        if match and not match.conflict and quantity and isinstance(quantity.get("value"), int | float):
            unit = [clean(quantity.get(part)) for part in ("unit", "code", "system")]
            number = terms.quantity(match.test, float(quantity["value"]), *unit)
            if isinstance(number, Unusable):
                reasons[number.reason] += 1
            else:
                usable += 1
    assert usable > 5000
    assert sum(reasons.values()) < 20


def test_the_phosphate_sent_as_potassium_is_a_conflict(terms, seen):
    conflicts = [m for r in seen["Observation"] if (m := terms.lab(concept(r.get("code"))[0])) and m.conflict]
    assert conflicts
    assert {match.test for match in conflicts} <= {"potassium", "calcium"}


def test_conditions_named_in_words_are_never_silently_absent(terms, seen):
    for entry in seen["Condition"]:
        codings, text = concept(entry.get("code"))
        said = " ".join([text, *(coding.display for coding in codings)]).lower()
        if "cirrhosis" in said or "chronic kidney disease" in said or "heart failure" in said:
            match = terms.concepts(codings, text)
            assert match.concepts or match.unclear, said
