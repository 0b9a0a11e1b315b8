"""Reading one card's folder: `card.yaml`, `detail.md`; every unexpected word is refused where it stands."""

import re
from collections.abc import Mapping
from pathlib import Path

from cds_service.hooks import HOOKS, Hook
from cds_service.knowledge.card import (
    INDICATORS,
    STATUSES,
    About,
    Card,
    Indicator,
    Level,
    Merge,
    Offer,
    StatedUse,
    Status,
    Summary,
)
from cds_service.knowledge.criteria import ALWAYS, compile_criterion
from cds_service.knowledge.faults import Fault, LibraryError, not_one_of
from cds_service.knowledge.gating import gates_before
from cds_service.knowledge.orders import filling_of
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.references import Citation, OverrideReason, References
from cds_service.knowledge.spot import Spot, whole
from cds_service.knowledge.statements import STATEMENTS, trait_named
from cds_service.knowledge.strict_yaml import Document, read_yaml
from cds_service.knowledge.templates import Template, read_template

REQUIRED = ("id", "title", "version", "status", "hooks", "about", "priority", "indicator", "summary", "evidence",
            "grade", "review", "attributes")  # fmt: skip
OPTIONAL = ("each", "when", "suggestions", "override_reasons", "merge", "grade_note", "regions", "detail")
REGIONAL = ("when", "indicator", "summary", "suggestions", "override_reasons", "evidence", "grade", "grade_note",
            "detail", "merge")  # fmt: skip
REVIEW = ("author", "reviewer", "approved", "last_review", "next_review")
ATTRIBUTES = ("intended_use", "indicator_reason", "cautions", "limits")
GRADES = ("confirmed", "to be confirmed", "design default")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\Z")
_PREFIX = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


def read_card(folder: Path, root: Path, region: str, regions: tuple[str, ...], references: References) -> Card:
    """One card as it stands in a region."""
    name = f"{folder.relative_to(root).as_posix()}/card.yaml"
    document = regional(read_yaml(folder / "card.yaml", name), region, regions)
    members = whole(document).mapping(REQUIRED, OPTIONAL)
    hooks = tuple(_hook(spot) for spot in members["hooks"].items())
    levels = _levels(members["indicator"], references)
    when = read_criterion(members["when"], references) if "when" in members else ALWAYS
    attributes = members["attributes"].mapping(ATTRIBUTES, (*STATEMENTS, "uses"))
    offers, select = _suggestions(members.get("suggestions"), references)
    return Card(
        id=_id(members["id"], folder),
        group=folder.parent.name,
        title=members["title"].text(),
        version=_version(members["version"]),
        status=_status(members["status"]),
        hooks=hooks,
        about=_about(members["about"], members.get("each"), references),
        priority=int(members["priority"].number()),
        when=when,
        judge=compile_criterion(when),
        levels=levels,
        summaries=_summaries(members["summary"], references),
        detail=_detail(members.get("detail"), folder, document, references),
        offers=offers,
        select="at-most-one" if select == "at-most-one" else "any",
        override_reasons=_overrides(members.get("override_reasons"), references),
        merge=_merge(members.get("merge")),
        evidence=_evidence(members["evidence"], references),
        grade=members["grade"].choice("the grade of evidence", GRADES),
        grade_note=members["grade_note"].text_or_empty() if "grade_note" in members else "",
        review={key: spot.text_or_empty() for key, spot in members["review"].mapping(REVIEW, ()).items()},
        attributes={key: spot.text() for key, spot in attributes.items() if key != "uses"},
        folder=folder.relative_to(root).as_posix(),
        stated_uses=_stated_uses(attributes.get("uses")),
    )


def regional(document: Document, region: str, regions: tuple[str, ...]) -> Document:
    """The card with the named fields of one region put in place of the general ones; lines still point to the text."""
    top = whole(document).mapping()
    if "regions" not in top:
        return document
    overrides = top["regions"].mapping((), regions)
    for spot in overrides.values():
        spot.mapping((), REGIONAL)
    value = {key: spot.value for key, spot in top.items() if key != "regions"}
    lines = dict(document.lines)
    if region in overrides:
        chosen = overrides[region].mapping()
        value |= {key: spot.value for key, spot in chosen.items()}
        for path, line in document.lines.items():
            if path[:2] == ("regions", region) and len(path) > 2:
                lines[path[2:]] = line
    return Document(document.file, value, lines)


def _id(spot: Spot, folder: Path) -> str:
    found = spot.text()
    if found != folder.name or not _PREFIX.match(found):
        spot.fault(not_one_of("the id", found, [folder.name]))
    return found


def _version(spot: Spot) -> str:
    found = spot.text()
    if not _VERSION.match(found):
        spot.fault(f'the version "{found}" is not three numbers such as 1.0.0')
    return found


def _status(spot: Spot) -> Status:
    found = spot.choice("the status", STATUSES)
    return next(status for status in STATUSES if status == found)


def _hook(spot: Spot) -> Hook:
    found = spot.choice("the hook", HOOKS)
    return next(hook for hook in HOOKS if hook == found)


def _about(spot: Spot, each: Spot | None, references: References) -> About:
    one_each = each.flag() if each else True
    if isinstance(spot.value, str):
        subject = spot.choice("what the card is about", ("patient", "gaps"))
        return About("patient" if subject == "patient" else "gaps", each=False)
    stopped = isinstance(spot.value, Mapping)
    entries = spot.mapping(["stopped"], [])["stopped"].items() if stopped else spot.items()
    classes = frozenset(entry.choice("the drug class", references.terms.classes) for entry in entries)
    if not classes:
        spot.fault("about names no drug class")
    return About("stopped" if stopped else "medicine", classes, one_each)


def _levels(spot: Spot, references: References) -> tuple[Level, ...]:
    """`indicator: warning`, a ladder (critical, warning, info: first that holds), or a list of levels."""
    if isinstance(spot.value, str):
        return (Level(_indicator(spot), None, None),)
    if isinstance(spot.value, list):
        return tuple(_listed_level(entry, references) for entry in spot.items())
    members = spot.mapping((), INDICATORS)
    levels = tuple(_level(name, members[name], references) for name in INDICATORS if name in members)
    if not levels or levels[-1].criterion is not None:
        spot.fault('the lowest level of indicator is written "otherwise", so that the ladder always has an end')
    return levels


def _listed_level(spot: Spot, references: References) -> Level:
    members = spot.mapping(["level"], ["when"])
    criterion = read_criterion(members["when"], references) if "when" in members else None
    return Level(_indicator(members["level"]), criterion, compile_criterion(criterion) if criterion else None)


def _indicator(spot: Spot) -> Indicator:
    found = spot.choice("the indicator", INDICATORS)
    return next(name for name in INDICATORS if name == found)


def _level(name: Indicator, spot: Spot, references: References) -> Level:
    if isinstance(spot.value, str):
        spot.choice(f"the level {name}", ("otherwise",))
        return Level(name, None, None)
    criterion = read_criterion(spot, references)
    return Level(name, criterion, compile_criterion(criterion))


def _summaries(spot: Spot, references: References) -> tuple[Summary, ...]:
    if isinstance(spot.value, str):
        return (Summary(read_template(spot, references), None, None),)
    entries = [entry.mapping(["text"], ["when", "speaks_for"]) for entry in spot.items()]
    found = [_summary(entry, references) for entry in entries]
    if not found or found[-1].criterion is not None:
        spot.fault("the last summary has no when, so that there is always one")
    return tuple(found)


def _summary(members: Mapping[str, Spot], references: References) -> Summary:
    criterion = read_criterion(members["when"], references) if "when" in members else None
    template = read_template(members["text"], references)
    speaks_for = _names(members["speaks_for"]) if "speaks_for" in members else frozenset[str]()
    return Summary(template, criterion, compile_criterion(criterion) if criterion else None, speaks_for)


def _detail(spot: Spot | None, folder: Path, document: Document, references: References) -> Template:
    name = spot.choice("the text file", sorted(p.name for p in folder.glob("*.md"))) if spot else "detail.md"
    file = document.file.replace("card.yaml", name)
    try:
        text = (folder / name).read_text(encoding="utf-8")
    except OSError as error:
        raise LibraryError([Fault(file, 0, "is missing: every card has its text there")]) from error
    if not text.strip():
        raise LibraryError([Fault(file, 0, "is empty: every card has its text there")])
    return read_template(Spot(Document(file, text), text), references)


def _suggestions(spot: Spot | None, references: References) -> tuple[tuple[Offer, ...], str]:
    if spot is None:
        return (), "any"
    members = spot.mapping(["select", "offer"], ())
    select = members["select"].choice("select", ("any", "at-most-one"))
    return tuple(_offer(entry, references) for entry in members["offer"].items()), select


def _offer(spot: Spot, references: References) -> Offer:
    members = spot.mapping(["label"], ["create", "delete", "update", "edit", "when", "recommended"])
    kinds = [kind for kind in ("create", "delete", "update") if kind in members]
    if len(kinds) != 1:
        spot.fault("a suggestion is exactly one of create, delete, update")
    criterion = read_criterion(members["when"], references) if "when" in members else None
    judge = compile_criterion(criterion) if criterion else None
    recommended = members["recommended"].flag() if "recommended" in members else False
    label = read_template(members["label"], references)
    if kinds[0] == "create":
        order = references.orders[members["create"].choice("the order", references.orders)]
        offer = Offer(order.name, label, "create", order, criterion, judge, recommended, filling_of(order, references))
        return offer._replace(gates=gates_before(offer, references))
    members[kinds[0]].choice(f"what to {kinds[0]}", ("the draft",))
    if kinds[0] == "delete":
        return Offer("delete", label, "delete", None, criterion, judge, recommended)
    if "edit" not in members:
        spot.fault('update needs the key "edit": the name of what changes')
    edit = references.edits[members["edit"].choice("the edit", references.edits)]
    fill = filling_of(edit, references)
    return Offer(edit.name, label, "update", edit, criterion, judge, recommended, fill)


def _evidence(spot: Spot, references: References) -> tuple[Citation, ...]:
    keys = [entry.choice("the source", references.sources) for entry in spot.items()]
    if not keys:
        spot.fault("evidence names no source: a card cites at least one, the primary one first")
    return tuple(references.sources[key] for key in keys)


def _stated_uses(spot: Spot | None) -> tuple[StatedUse, ...]:
    """What the author says is used of the person, or not."""
    members = spot.mapping() if spot else {}
    return tuple(
        StatedUse(trait_named(entry, name), entry.flag(), entry.document.line(entry.path))
        for name, entry in members.items()
    )


def _overrides(spot: Spot | None, references: References) -> tuple[OverrideReason, ...]:
    codes: dict[str, None] = {}
    for entry in spot.items() if spot else ():
        found = entry.choice("the override reason", [*references.overrides, *references.override_sets])
        codes.update(dict.fromkeys(references.override_sets.get(found, (found,))))
    return tuple(references.overrides[code] for code in codes)


def _merge(spot: Spot | None) -> Merge:
    """Names of other cards are checked by the library, when all cards are known."""
    if spot is None:
        return Merge()
    members = spot.mapping((), ["replaces", "joins", "yields_to"])
    joins, anywhere = frozenset[str](), frozenset[Hook]()
    if "joins" in members and isinstance(members["joins"].value, Mapping):
        anywhere = frozenset({_hook(members["joins"].mapping(["any"], ())["any"])})
    elif "joins" in members:
        joins = _names(members["joins"])
    replaces = _names(members["replaces"]) if "replaces" in members else frozenset()
    yields_to = _names(members["yields_to"]) if "yields_to" in members else frozenset()
    return Merge(replaces, joins, anywhere, yields_to)


def _names(spot: Spot) -> frozenset[str]:
    return frozenset(entry.text() for entry in spot.items())
