"""Hostile calls: the work they cost grows with their size and no faster, and one resource costs a bounded amount.

Work is counted, in calls of functions, so that the test says the same on every machine. How long the worst bodies of
full size take stands in docs/security.md.
"""

import json
import sys
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from cds_service import hooks, service
from cds_service.caller import Caller, ClientOptions
from cds_service.fhir.elements import LONGEST_WORDS, MOST_ITEMS
from cds_service.knowledge.library import Library
from cds_service.record import decision_record
from tests.test_record import CALL, NOW

Json = dict[str, Any]
Hostile = Callable[[int], Json]
QUININE = {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "997010"}]}
CALLER = Caller("x", ClientOptions(shows_drafts=True, findings_extension=True))
_numbers = count()


def new(words: str) -> str:
    """Words that were never seen before: what is known already costs less."""
    return f"{words} {next(_numbers)}"


def bundle(resources: list[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource} for resource in resources]}


def order(number: int, status: str, **members: object) -> Json:
    subject = {"reference": f"Patient/{CALL['context']['patientId']}"}
    plain = {"resourceType": "MedicationRequest", "id": f"m{number}", "status": status, "intent": "order"}
    return {**plain, "medicationCodeableConcept": QUININE, "subject": subject, **members}


def drafts(resources: list[Json]) -> Json:
    return {**CALL, "context": {**CALL["context"], "draftOrders": bundle(resources)}}


def prefetched(**values: list[Json]) -> Json:
    sections = {key: {**bundle(resources), "type": "searchset"} for key, resources in values.items()}
    return {**CALL, "prefetch": {**CALL["prefetch"], **sections}}


def result(**members: object) -> Json:
    code = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
    when = {"status": "final", "effectiveDateTime": "2026-06-10"}
    return {"resourceType": "Observation", "id": f"o{next(_numbers)}", "code": code, **when, **members}


def allergy(**members: object) -> Json:
    return {"resourceType": "AllergyIntolerance", "id": f"a{next(_numbers)}", "code": {"text": "quinine"}, **members}


def condition(**members: object) -> Json:
    return {"resourceType": "Condition", "id": f"c{next(_numbers)}", **members}


def texts(number: int) -> list[Json]:
    return [{"text": new("odd")} for _ in range(number)]


def codings(number: int) -> list[Json]:
    return [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": str(next(_numbers))} for _ in range(number)]


def contained(number: int) -> Json:
    held = [{"resourceType": "Condition", "id": f"c{place}"} for place in range(number)]
    return order(0, "draft", contained=held, reasonReference=[{"reference": "#none"}] * number)


MANY: dict[str, Hostile] = {
    "drafts of one medicine": lambda n: drafts([order(place, "draft") for place in range(n)]),
    "drafts without id": lambda n: drafts(
        [{**order(0, "draft", note=[{"text": str(i)}]), "id": None} for i in range(n)]
    ),
    "orders in force": lambda n: prefetched(medications=[order(place, "active") for place in range(n)]),
    "orders with one id": lambda n: prefetched(medications=[order(0, str(place)) for place in range(n)]),
    "orders with reasons": lambda n: prefetched(
        medications=[order(place, "active", reasonCode=texts(5)) for place in range(n)]
    ),
    "orders of names": lambda n: prefetched(
        medications=[order(place, "active", medicationCodeableConcept=text) for place, text in enumerate(texts(n))]
    ),
    "results of one test": lambda n: prefetched(
        observations=[result(valueQuantity={"value": 3, "unit": "mmol/L"}) for _ in range(n)]
    ),
    "conditions in words": lambda n: prefetched(conditions=[condition(code=text) for text in texts(n)]),
    "allergies in words": lambda n: prefetched(allergies=[allergy(code=text) for text in texts(n)]),
}
ONE: dict[str, Hostile] = {
    "reasons": lambda n: drafts([order(0, "draft", reasonCode=texts(n))]),
    "references to reasons": lambda n: drafts(
        [order(0, "draft", reasonReference=[{"reference": f"Condition/{i}", "display": new("x")} for i in range(n)])]
    ),
    "contained resources and references": lambda n: drafts([contained(n)]),
    "codings of a medicine": lambda n: drafts([order(0, "draft", medicationCodeableConcept={"coding": codings(n)})]),
    "dosages": lambda n: drafts([order(0, "draft", dosageInstruction=[{"route": text} for text in texts(n)])]),
    "codings of a condition": lambda n: prefetched(conditions=[condition(code={"coding": codings(n)})]),
    "reactions": lambda n: prefetched(allergies=[allergy(reaction=[{"substance": text} for text in texts(n)])]),
    "components": lambda n: prefetched(observations=[result(component=[{"code": text} for text in texts(n)])]),
    "interpretations": lambda n: prefetched(observations=[result(interpretation=texts(n))]),
}
WORDS: dict[str, Hostile] = {
    "name of a medicine": lambda n: drafts([order(0, "draft", medicationCodeableConcept={"text": new("1a " * n)})]),
    "name of a condition": lambda n: prefetched(conditions=[condition(code={"text": new("kidney disease " * n)})]),
    "code of a condition": lambda n: prefetched(
        conditions=[condition(code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": new("N" * n)}]})]
    ),
    "name of an allergy": lambda n: prefetched(allergies=[allergy(code={"text": new("a b " * n)})]),
}


def work(call: Json, library: Library) -> int:
    """How many functions, Python's and those in C, are called to decide and to write the record."""
    body = json.dumps(call).encode()
    calls = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        request = hooks.read_request(body, "order-sign", max_entries=100_000)
        found = service.judge(request, CALLER.options, library, NOW, UUID(int=1))
        hooks.encode_cards(found.decision.cards)
        decision_record(
            request, CALLER, library, found.gathered, found.chart, found.decision, UUID(int=1), 200, found.timings
        )
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("name", MANY)
def test_twice_as_many_resources_cost_at_most_about_twice_as_much(name: str, library: Library) -> None:
    work(MANY[name](10), library)  # what is loaded once
    few, many = work(MANY[name](100), library), work(MANY[name](200), library)
    assert many < 2.4 * few


@pytest.mark.parametrize("name", ONE)
def test_one_resource_costs_no_more_beyond_a_bound(name: str, library: Library) -> None:
    full = work(ONE[name](MOST_ITEMS), library)
    assert work(ONE[name](4 * MOST_ITEMS), library) < full + 150 * MOST_ITEMS  # counting and cutting, no more
    assert full < 500_000


@pytest.mark.parametrize("name", WORDS)
def test_words_cost_no_more_beyond_a_bound(name: str, library: Library) -> None:
    work(WORDS[name](1), library)
    assert work(WORDS[name](4 * LONGEST_WORDS), library) < 20_000


def test_what_is_cut_is_named_and_the_rest_is_read(library: Library) -> None:
    reasons = [{"text": "nocturnal leg cramps"}, *texts(MOST_ITEMS)]
    request = hooks.read_request(json.dumps(drafts([order(7, "draft", reasonCode=reasons)])).encode(), "order-sign")
    chart = service.judge(request, CALLER.options, library, NOW, UUID(int=1)).chart
    (gap,) = [gap for gap in chart.gaps if gap.reason == "wrong-shape"]
    assert (gap.detail, gap.reference) == ("left out: MedicationRequest.reasonCode", "MedicationRequest/m7")
    (draft,) = [order for order in chart.medications if order.reference == "MedicationRequest/m7"]
    assert len(draft.reasons) == MOST_ITEMS


def test_words_that_are_cut_are_named(library: Library) -> None:
    long = condition(code={"text": "x" * (LONGEST_WORDS + 1)})
    request = hooks.read_request(json.dumps(prefetched(conditions=[long])).encode(), "order-sign")
    chart = service.judge(request, CALLER.options, library, NOW, UUID(int=1)).chart
    assert "left out: Condition.code.text" in {gap.detail for gap in chart.gaps}
