"""Vignettes: the test patients beside each card, as hook requests and as what must come of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cds_service.chart import SECTIONS
from cds_service.hooks import FINDINGS_EXTENSION, HOOKS, Hook
from cds_service.knowledge.faults import Fault, LibraryError
from cds_service.knowledge.library import card_folders
from cds_service.knowledge.spot import Spot, whole
from cds_service.knowledge.strict_yaml import read_yaml
from cds_service.simulation.patients import MEMBERS, PATIENT, Builder
from cds_service.terminology import Terms

CLOCK = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
LEVELS = ("critical", "warning", "info", "none")
EXPECTED = ("suggestions", "summary_contains", "detail_contains", "not_checked", "data_quality", "section_of")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come of a vignette: the level of the card's own finding (`none` = not shown), and more where given."""

    finding: str
    suggestions: tuple[str, ...] | None = None
    summary_contains: str = ""
    detail_contains: str = ""
    not_checked: str = ""
    data_quality: bool | None = None
    section_of: str = ""


@dataclass(frozen=True, slots=True)
class Vignette:
    """One test patient of a card. `request` is the whole hook call, its dates relative to `CLOCK`."""

    card: str
    name: str
    file: str
    line: int
    region: str
    request: Json
    expect: Expectation

    @property
    def service_id(self) -> str:
        """The service that answers its hook."""
        return f"cramp-{self.request['hook']}"


def read_vignettes(cards: Path, terms: Terms, regions: Sequence[str], folders: Iterable[Path] = ()) -> list[Vignette]:
    """Every vignette of a library. Raises `LibraryError` with all faults."""
    found: list[Vignette] = []
    faults: list[Fault] = []
    for folder in folders or card_folders(cards):
        try:
            found += _of_card(folder, cards, terms, regions)
        except LibraryError as error:
            faults += error.faults
    if faults:
        raise LibraryError(faults)
    return found


def _of_card(folder: Path, cards: Path, terms: Terms, regions: Sequence[str]) -> list[Vignette]:
    name = f"{folder.relative_to(cards).as_posix()}/vignettes.yaml"
    entries = whole(read_yaml(folder / "vignettes.yaml", name)).items()
    return [_vignette(entry, folder.name, terms, regions) for entry in entries]


def _vignette(spot: Spot, card: str, terms: Terms, regions: Sequence[str]) -> Vignette:
    members = spot.mapping(["name", "hook", "patient", "expect"], ["region"])
    hook = next(hook for hook in HOOKS if hook == members["hook"].choice("the hook", HOOKS))
    region = members["region"].choice("the region", regions) if "region" in members else regions[0]
    return Vignette(
        card,
        members["name"].text(),
        spot.document.file,
        spot.document.line(spot.path),
        region,
        hook_request(members["patient"], hook, terms),
        _expectation(members["expect"]),
    )


def _expectation(spot: Spot) -> Expectation:
    members = spot.mapping(["finding"], EXPECTED)
    texts = {key: members[key].text() for key in EXPECTED[1:4] if key in members}
    offered = members.get("suggestions")
    return Expectation(
        members["finding"].choice("the finding", LEVELS),
        tuple(entry.text() for entry in offered.items()) if offered else None,
        data_quality=members["data_quality"].flag() if "data_quality" in members else None,
        section_of=members["section_of"].text() if "section_of" in members else "",
        **texts,
    )


class _Orders(NamedTuple):
    drafts: list[Json]
    selections: list[str]
    existing: list[Json]


def hook_request(spot: Spot, hook: Hook, terms: Terms) -> Json:
    """The hook call of a vignette's patient."""
    members = spot.mapping((), MEMBERS)
    builder = Builder(terms, CLOCK)
    orders = _orders(members, builder)
    prefetch = _prefetch(members, builder, orders.existing)
    for key in members["not_delivered"].items() if "not_delivered" in members else ():
        prefetch.pop(key.choice("the prefetch key", SECTIONS))
    context: Json = {"userId": "Practitioner/vignette", "patientId": PATIENT}
    if hook != "patient-view":
        context["draftOrders"] = bundle("collection", orders.drafts)
    if hook == "order-select":
        context["selections"] = orders.selections
    return {
        "hook": hook,
        "hookInstance": "0f3d1c5e-8a61-4c0e-9c0b-3d0a52f4b7e1",
        "context": context,
        "prefetch": prefetch,
    }


def _orders(members: Mapping[str, Spot], builder: Builder) -> _Orders:
    drafts: list[Json] = []
    selections: list[str] = []
    for spot in members["orders"].items() if "orders" in members else ():
        draft = builder.order(spot, "draft")
        drafts.append(draft)
        if not (isinstance(spot.value, Mapping) and spot.value.get("unselected")):
            selections.append(f"MedicationRequest/{draft['id']}")
    taking = [builder.order(spot, "active") for spot in (members["taking"].items() if "taking" in members else ())]
    stopped = [builder.order(spot, "stopped") for spot in (members["stopped"].items() if "stopped" in members else ())]
    return _Orders(drafts, selections, [*taking, *stopped])


def _prefetch(members: Mapping[str, Spot], builder: Builder, existing: list[Json]) -> Json:
    labs = list(builder.labs(members["labs"])) if "labs" in members else []
    conditions = [builder.condition(s) for s in (members["conditions"].items() if "conditions" in members else ())]
    allergies = [builder.allergy(s) for s in (members["allergies"].items() if "allergies" in members else ())]
    return {
        "patient": builder.patient(members),
        "medications": bundle("searchset", existing),
        "observations": bundle("searchset", sorted(labs, key=_newest_first)),
        "conditions": bundle("searchset", conditions),
        "allergies": bundle("searchset", allergies),
    }


def _newest_first(observation: Json) -> float:
    return -datetime.fromisoformat(observation["effectiveDateTime"]).timestamp()


def bundle(kind: str, resources: Sequence[Json]) -> Json:
    """A Bundle of some resources (FHIR allows no empty list, so an empty one has no entry)."""
    found: Json = {"resourceType": "Bundle", "type": kind}
    if kind == "searchset":
        found["total"] = len(resources)
    if resources:
        found["entry"] = [{"resource": resource} for resource in resources]
    return found


def compare(vignette: Vignette, answer: Json) -> list[str]:
    """What differs between an answer over the wire and what the vignette expects; empty when it is as expected."""
    cards = answer.get("cards", [])
    mine = [(card, entry) for card in cards for entry in findings_of(card) if entry["id"] == vignette.card]
    expect = vignette.expect
    level = min((entry["indicator"] for _, entry in mine), key=LEVELS.index, default="none")
    faults = [] if level == expect.finding else [f"the finding is {level}, expected {expect.finding}"]
    if mine and expect.finding != "none":
        faults += _differences(expect, mine[0][0])
    has_quality = any(entry["id"] == "data-quality" for card in cards for entry in findings_of(card))
    if expect.data_quality is not None and expect.data_quality is not has_quality:
        faults.append(f"the data-quality card is {'there' if has_quality else 'not there'}")
    return faults


def findings_of(card: Json) -> list[Json]:
    """The findings merged into a card of an answer."""
    found: list[Json] = card.get("extension", {}).get(FINDINGS_EXTENSION, [])
    return found


def _offers(offered: tuple[str, ...], expected: tuple[str, ...], alone: bool) -> bool:
    """Exactly the expected suggestions; on a card shared with other findings, theirs may stand between."""
    if alone:
        return offered == expected
    return tuple(label for label in offered if label in expected) == expected


def _differences(expect: Expectation, card: Json) -> Iterable[str]:
    offered = tuple(suggestion["label"] for suggestion in card.get("suggestions", []))
    alone = len(findings_of(card)) == 1
    if expect.suggestions is not None and not _offers(offered, expect.suggestions, alone):
        yield f"the suggestions are {json.dumps(offered)}, expected {json.dumps(expect.suggestions)}"
    for name, text, place in (
        ("summary", expect.summary_contains, card["summary"]),
        ("detail", expect.detail_contains, card.get("detail", "")),
        (
            "part on what was not checked",
            expect.not_checked,
            card.get("detail", "").partition("What was not checked")[2],
        ),
    ):
        if text and text not in place:
            yield f'the {name} lacks "{text}": {place[:300]}'
    if expect.section_of and findings_of(card)[0]["id"] != expect.section_of:
        yield f"it is not a section of {expect.section_of} but of {findings_of(card)[0]['id']}"
