"""JSON Schemas of the card files, generated from the vocabulary, for editors and for the first ring of checks."""

import json
from collections.abc import Mapping
from pathlib import Path

from cds_service.hooks import HOOKS
from cds_service.knowledge.card import INDICATORS, STATUSES
from cds_service.knowledge.cards import ATTRIBUTES, GRADES, OPTIONAL, REGIONAL, REQUIRED, REVIEW
from cds_service.knowledge.criteria import ASSUMPTIONS, OPERATORS
from cds_service.knowledge.facts import FACTS
from cds_service.knowledge.faults import Fault
from cds_service.knowledge.statements import STATEMENTS
from cds_service.knowledge.strict_yaml import read_yaml
from cds_service.knowledge.traits import TRAITS

Schema = dict[str, object]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Schema = {"type": "string", "minLength": 1}
_ANY_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_CRITERION: Schema = {"$ref": "#/$defs/criterion"}


def _closed(properties: Mapping[str, object], required: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _texts(keys: tuple[str, ...], schema: Schema) -> Schema:
    return _closed(dict.fromkeys(keys, schema), keys)


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def criterion_schema() -> Schema:
    """One criterion: exactly one fact or operator, with `if_unknown` where it may stand."""
    choices: list[Schema] = [_closed({name: {**_list(_CRITERION), "minItems": 1}}, (name,)) for name in OPERATORS]
    choices.append(_closed({"use": _TEXT, "if_unknown": {"enum": list(ASSUMPTIONS)}}, ("use",)))
    for name, fact in sorted(FACTS.items()):
        choices.append(_closed({name: dict(fact.schema), "if_unknown": {"enum": list(ASSUMPTIONS)}}, (name,)))
    return {"oneOf": choices}


def card_schema() -> Schema:
    """The schema of `card.yaml`."""
    properties = _properties()
    regional = _closed({key: properties[key] for key in REGIONAL})
    properties["regions"] = {"type": "object", "additionalProperties": regional}
    whole = _closed({key: properties[key] for key in (*REQUIRED, *OPTIONAL)}, REQUIRED)
    return {"$schema": _DRAFT, "title": "A guideline card", **whole, "$defs": {"criterion": criterion_schema()}}


def _properties() -> dict[str, object]:
    return {
        "id": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "title": _TEXT,
        "version": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "status": {"enum": list(STATUSES)},
        "hooks": {**_list({"enum": list(HOOKS)}), "minItems": 1},
        "about": {
            "oneOf": [{"enum": ["patient", "gaps"]}, _list(_TEXT), _closed({"stopped": _list(_TEXT)}, ("stopped",))]
        },
        "each": _FLAG,
        "priority": {"type": "integer"},
        "when": _CRITERION,
        "indicator": _indicator(),
        "summary": {
            "oneOf": [_TEXT, _list(_closed({"when": _CRITERION, "text": _TEXT, "speaks_for": _list(_TEXT)}, ("text",)))]
        },
        "suggestions": _closed(
            {"select": {"enum": ["any", "at-most-one"]}, "offer": _list(_offer())}, ("select", "offer")
        ),
        "override_reasons": _list(_TEXT),
        "merge": _merge(),
        "evidence": {**_list(_TEXT), "minItems": 1},
        "grade": {"enum": list(GRADES)},
        "grade_note": _ANY_TEXT,
        "detail": {"type": "string", "pattern": r"\.md$"},
        "review": _texts(REVIEW, _ANY_TEXT),
        "attributes": _attributes(),
    }


def _attributes() -> Schema:
    """Its own texts, those that replace a shared one, and what it says of the use of a person's traits."""
    stated = _closed(dict.fromkeys(TRAITS, _FLAG))
    return _closed({**dict.fromkeys((*ATTRIBUTES, *STATEMENTS), _TEXT), "uses": stated}, ATTRIBUTES)


def _indicator() -> Schema:
    rung: Schema = {"oneOf": [_CRITERION, {"const": "otherwise"}]}
    ladder = _closed(dict.fromkeys(INDICATORS, rung))
    listed = _list(_closed({"level": {"enum": list(INDICATORS)}, "when": _CRITERION}, ("level",)))
    return {"oneOf": [{"enum": list(INDICATORS)}, ladder, listed]}


def _offer() -> Schema:
    draft: Schema = {"const": "the draft"}
    members = {"label": _TEXT, "create": _TEXT, "delete": draft, "update": draft, "edit": _TEXT, "when": _CRITERION}
    return _closed({**members, "recommended": _FLAG}, ("label",))


def _merge() -> Schema:
    joins: Schema = {"oneOf": [_list(_TEXT), _closed({"any": {"enum": list(HOOKS)}}, ("any",))]}
    return _closed({"replaces": _list(_TEXT), "joins": joins, "yields_to": _list(_TEXT)})


def schema_text() -> str:
    """The schema as the bytes that are committed."""
    return json.dumps(card_schema(), indent=1, ensure_ascii=False) + "\n"


def shape_faults(cards: Path, folders: list[Path]) -> list[Fault]:
    """What the schema says of every card file, with file and line."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(card_schema())
    faults = []
    for folder in folders:
        document = read_yaml(folder / "card.yaml", f"{folder.relative_to(cards).as_posix()}/card.yaml")
        for error in validator.iter_errors(document.value):
            place = tuple(error.absolute_path)
            faults.append(Fault(document.file, document.line(place), f"schema: {error.message[:200]}"))
    return faults
