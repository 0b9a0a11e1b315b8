"""What no suggestion may ever do: propose a dangerous medicine past its gate, or touch anything but a draft of the call.

The gates are written here a second time, by hand and out of the chart, so that a slip in gates.yaml is noticed.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cds_service.chart import Chart
from cds_service.knowledge.library import Library, load_library
from cds_service.knowledge.spot import Spot, whole
from cds_service.knowledge.strict_yaml import Document, read_yaml
from cds_service.simulation import proof
from cds_service.simulation.vignettes import CLOCK, Expectation, Vignette, hook_request, read_vignettes
from cds_service.terminology import Coding
from tests.conftest import CARDS

Json = dict[str, Any]
GATED = ("potassium", "magnesium", "baclofen")


@dataclass(frozen=True, slots=True)
class Act:
    """One action of one suggestion, with the chart and the call it answers."""

    vignette: Vignette
    chart: Chart
    label: str
    action: Json


@pytest.fixture(scope="module")
def acts(library: Library) -> list[Act]:
    """Every action offered to any test patient, in every region."""
    found: list[Act] = []
    for vignette in read_vignettes(CARDS, library.terms, tuple(library.regions)):
        prepared = proof.prepare(vignette, library)
        body = proof.answer(prepared, library)
        found += [Act(vignette, prepared.chart, label, action) for label, action in actions(body)]
    return found


def actions(body: Json) -> Iterator[tuple[str, Json]]:
    for card in body["cards"]:
        for suggestion in card.get("suggestions", ()):
            for action in suggestion["actions"]:
                yield suggestion["label"], action


def classes_of(resource: Json, library: Library) -> frozenset[str]:
    concept = resource.get("medicationCodeableConcept", {})
    codings = [Coding(part["system"], part["code"], part.get("display", "")) for part in concept.get("coding", ())]
    return library.terms.drug(codings, concept.get("text", "")).classes


def drafts_of(vignette: Vignette) -> dict[str, Json]:
    bundle = vignette.request["context"].get("draftOrders", {})
    entries = [entry["resource"] for entry in bundle.get("entry", ())]
    return {f"{resource['resourceType']}/{resource['id']}": resource for resource in entries}


# The gates, out of the chart.


def known_egfr(chart: Chart) -> float:
    """The latest eGFR of the last 90 days, else 0."""
    latest = next(iter(chart.labs.get("egfr", ())), None)
    recent = latest is not None and latest.value is not None and (CLOCK.date() - latest.day.first).days <= 90
    return latest.value if latest is not None and latest.value is not None and recent else 0


def holds(chart: Chart, *classes: str) -> bool:
    """Whether a medicine of these classes is in force or ordered."""
    return any(order.classes & set(classes) for order in chart.medications if order.role != "stopped")


def has(chart: Chart, *concepts: str) -> bool:
    return any(problem.concepts & set(concepts) for problem in chart.problems if problem.active)


def allowed(medicine: str, chart: Chart) -> bool:
    if medicine == "potassium":
        return known_egfr(chart) >= 45 and not holds(chart, "ace-inhibitor", "arb", "mra")
    if medicine == "magnesium":
        return known_egfr(chart) >= 30
    young_or_cirrhosis = (chart.age is not None and chart.age.high < 65) or has(chart, "cirrhosis")
    forbidden = has(chart, "epilepsy", "hepatic-encephalopathy", "pregnancy") or holds(chart, "opioid")
    return known_egfr(chart) >= 60 and young_or_cirrhosis and not forbidden


def test_nothing_gated_is_proposed_to_a_test_patient_unless_its_gate_holds(acts: list[Act], library: Library) -> None:
    proposed = 0
    for act in acts:
        if act.action["type"] != "create":
            continue
        for medicine in classes_of(act.action["resource"], library) & set(GATED):
            proposed += 1
            assert allowed(medicine, act.chart), f"{act.vignette.card}: {act.vignette.name}: {act.label}"
    assert proposed, "no test patient is offered a gated medicine: this test would prove nothing"


def test_nothing_but_tests_and_tasks_is_started_without_a_gate(acts: list[Act], library: Library) -> None:
    created = [act.action["resource"] for act in acts if act.action["type"] == "create"]
    kinds = {resource["resourceType"] for resource in created}
    assert kinds <= {"ServiceRequest", "Task", "MedicationRequest"}
    for resource in created:
        assert (resource["status"], resource["intent"]) == ("draft", "proposal")
        if resource["resourceType"] == "MedicationRequest":
            assert library.references.gates_for(classes_of(resource, library)), resource


def test_only_a_draft_of_the_call_is_ever_removed(acts: list[Act]) -> None:
    deleted = [act for act in acts if act.action["type"] == "delete"]
    assert deleted
    for act in deleted:
        assert act.action["resourceId"] in drafts_of(act.vignette), f"{act.vignette.card}: {act.vignette.name}"


def test_only_a_draft_of_the_call_is_ever_changed_and_only_its_dose_and_supply(acts: list[Act]) -> None:
    updated = [act for act in acts if act.action["type"] == "update"]
    assert updated
    for act in updated:
        resource = act.action["resource"]
        draft = drafts_of(act.vignette)[f"{resource['resourceType']}/{resource['id']}"]
        changed = {name for name in {*draft, *resource} if draft.get(name) != resource.get(name)}
        assert changed <= {"dosageInstruction", "dispenseRequest"}, f"{act.vignette.card}: {act.vignette.name}"


def test_when_a_chart_is_opened_no_order_is_touched(acts: list[Act]) -> None:
    assert {act.action["type"] for act in acts if act.vignette.request["hook"] == "patient-view"} == {"create"}


# The gates themselves, with a card that proposes everything to everybody.

CARD = """
id: cramps-nonpharm
title: "Leg cramps: non-drug care"
version: 0.1.0
status: draft
hooks: [patient-view]
about: [loop-diuretic]
priority: 99
when: {medicine_is: taken}
indicator: info
summary: "Proposes all three."
suggestions:
  select: any
  offer:
    - {label: potassium, create: some-potassium}
    - {label: magnesium, create: some-magnesium}
    - {label: baclofen, create: some-baclofen}
override_reasons: [info-set]
evidence: [design]
grade: design default
review: {author: "", reviewer: "", approved: "", last_review: "", next_review: ""}
attributes: {intended_use: "A test.", indicator_reason: "A test.", cautions: "A test.", limits: "A test."}
"""

PEOPLE: dict[str, tuple[str, set[str]]] = {
    "nothing known": ("{age: 50, taking: [furosemide]}", set()),
    "eGFR 60": ("{age: 50, taking: [furosemide], labs: {egfr: 60 mL/min/1.73m2 90 days ago}}", set(GATED)),
    "eGFR of 91 days ago": ("{age: 50, taking: [furosemide], labs: {egfr: 90 mL/min/1.73m2 91 days ago}}", set()),
    "eGFR 59": ("{age: 50, taking: [furosemide], labs: {egfr: 59 mL/min/1.73m2 5 days ago}}", {"potassium", "magnesium"}),
    "eGFR 45": ("{age: 50, taking: [furosemide], labs: {egfr: 45 mL/min/1.73m2 5 days ago}}", {"potassium", "magnesium"}),
    "eGFR 44": ("{age: 50, taking: [furosemide], labs: {egfr: 44 mL/min/1.73m2 5 days ago}}", {"magnesium"}),
    "eGFR 30": ("{age: 50, taking: [furosemide], labs: {egfr: 30 mL/min/1.73m2 5 days ago}}", {"magnesium"}),
    "eGFR 29": ("{age: 50, taking: [furosemide], labs: {egfr: 29 mL/min/1.73m2 5 days ago}}", set()),
    "an eGFR only known to be above 15": (
        "{age: 50, taking: [furosemide], labs: {egfr: '>15 mL/min/1.73m2 5 days ago'}}", set()),
    "an ACE inhibitor": (
        "{age: 50, taking: [furosemide, lisinopril], labs: {egfr: 80 mL/min/1.73m2 5 days ago}}",
        {"magnesium", "baclofen"}),
    "a sartan": (
        "{age: 50, taking: [furosemide, losartan], labs: {egfr: 80 mL/min/1.73m2 5 days ago}}",
        {"magnesium", "baclofen"}),
    "spironolactone": (
        "{age: 50, taking: [furosemide, spironolactone], labs: {egfr: 80 mL/min/1.73m2 5 days ago}}",
        {"magnesium", "baclofen"}),
    "age 65": (
        "{age: 65, taking: [furosemide], labs: {egfr: 80 mL/min/1.73m2 5 days ago}}", {"potassium", "magnesium"}),
    "age 65 with cirrhosis": (
        "{age: 65, taking: [furosemide], labs: {egfr: 80 mL/min/1.73m2 5 days ago}, conditions: [cirrhosis]}", set(GATED)),
    "an opioid": (
        "{age: 50, taking: [furosemide, morphine], labs: {egfr: 80 mL/min/1.73m2 5 days ago}}",
        {"potassium", "magnesium"}),
    "epilepsy": (
        "{age: 50, taking: [furosemide], labs: {egfr: 80 mL/min/1.73m2 5 days ago}, conditions: [epilepsy]}",
        {"potassium", "magnesium"}),
    "hepatic encephalopathy": (
        "{age: 50, taking: [furosemide], labs: {egfr: 80 mL/min/1.73m2 5 days ago}, conditions: [hepatic-encephalopathy]}",
        {"potassium", "magnesium"}),
    "pregnancy": (
        "{age: 30, taking: [furosemide], labs: {egfr: 80 mL/min/1.73m2 5 days ago}, conditions: [pregnancy]}",
        {"potassium", "magnesium"}),
    "age unknown": (
        "{taking: [furosemide], labs: {egfr: 80 mL/min/1.73m2 5 days ago}}", {"potassium", "magnesium"}),
    "problem list not delivered": (
        "{age: 50, taking: [furosemide], labs: {egfr: 80 mL/min/1.73m2 5 days ago}, not_delivered: [conditions]}",
        {"potassium", "magnesium"}),
    "results not delivered": ("{age: 50, taking: [furosemide], not_delivered: [observations]}", set()),
}  # fmt: skip


@pytest.fixture(scope="module")
def generous(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The library with another card in one place, that proposes all three medicines whenever a loop diuretic is taken."""
    root = tmp_path_factory.mktemp("cards")
    shutil.copytree(CARDS, root, dirs_exist_ok=True)
    folder = root / "review" / "cramps-nonpharm"  # its place, so that no card beside it makes this one silent
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "card.yaml").write_text(CARD)
    (folder / "detail.md").write_text("A test.\n")
    (folder / "vignettes.yaml").write_text("[]\n")
    for medicine in GATED:
        order = json.loads((CARDS / "shared" / "orders" / "oral-magnesium.json").read_text())
        order["medicationCodeableConcept"] = {"text": f"{medicine} oral tablet"}
        (root / "shared" / "orders" / f"some-{medicine}.json").write_text(json.dumps(order))
    return load_library(root)


def spot_of(text: str, folder: Path) -> Spot:
    path = folder / "patient.yaml"
    path.write_text(text)
    document: Document = read_yaml(path, "patient.yaml")
    return whole(document)


@pytest.mark.parametrize("person", PEOPLE)
def test_a_gate_opens_only_for_those_it_is_known_to_fit(person: str, generous: Library, tmp_path: Path) -> None:
    text, expected = PEOPLE[person]
    request = hook_request(spot_of(text, tmp_path), "patient-view", generous.terms)
    vignette = Vignette("cramps-nonpharm", person, "", 0, "us", request, Expectation("info"))
    prepared = proof.prepare(vignette, generous)
    body = proof.answer(prepared, generous)
    offered = {label for label, action in actions(body) if action["resource"]["resourceType"] == "MedicationRequest"}
    assert offered == expected
    assert all(allowed(medicine, prepared.chart) for medicine in offered)
