"""Fitting a resource of the wrong shape into the typed structs: what does not fit is left out and named.

An object where a list is due is wrapped, a list of one where an object is due is unwrapped, several
CodeableConcepts where one is due are joined, words where a CodeableConcept or a Reference is due become its text,
whole numbers are taken as codes. Of a list that is too long the first items count. Everything else that does not fit
counts as missing.
"""

import json
from collections.abc import Callable
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from cds_service.fhir.elements import LONGEST_WORDS, MOST_ITEMS, CodeableConcept, Entry, Reference, Resource

_DEEPEST = 40
Losses = list[str]
_MISSING = object()
_SHAPES: dict[type[Any], tuple["_Member", ...]] = {}


class _Member(NamedTuple):
    """One member of a struct: its name in JSON, its attribute, how to fit a value to it."""

    json_name: str
    attribute: str
    kind: type
    container: type | None


def fit_resource(plain: object) -> tuple[Resource | None, tuple[str, ...]]:
    """A resource from plain JSON, and the paths of what was left out; None when it is no object at all."""
    if not isinstance(plain, dict):
        return None, ()
    losses: Losses = []
    name = plain.get("resourceType")
    found = _fit_struct(plain, Resource, name if isinstance(name, str) else "resource", losses, 0)
    return found, tuple(losses)


def plain_json(raw: bytes | msgspec.Raw) -> object:
    """JSON as plain values; numbers too large for a float become infinite. Raises ValueError, RecursionError."""
    return json.loads(bytes(raw))


def _members(struct: type[Any]) -> tuple[_Member, ...]:
    if struct not in _SHAPES:
        hints = get_type_hints(struct)
        _SHAPES[struct] = tuple(
            _Member(member.encode_name, member.name, *_kind(hints[member.name]))
            for member in msgspec.structs.fields(struct)
            if member.name != "losses"
        )
    return _SHAPES[struct]


def _kind(hint: Any) -> tuple[type, type | None]:
    """The type behind `X | None`, `list[X | None] | None` or a tuple of the kind, and list, tuple or None."""
    if get_origin(hint) in (UnionType, Union):
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) in (list, tuple):
        return _kind(get_args(hint)[0])[0], get_origin(hint)
    return hint, None


def _fit_struct(plain: dict[str, object], struct: type[Any], path: str, losses: Losses, depth: int) -> Any:
    if depth > _DEEPEST:
        losses.append(path)
        return struct()
    found = {}
    for member in _members(struct):
        value = plain.get(member.json_name)
        if value is not None:
            fitted = _fit_member(value, member, f"{path}.{member.json_name}", losses, depth)
            if fitted is not _MISSING:
                found[member.attribute] = fitted
    return struct(**found)


def _fit_member(value: object, member: _Member, path: str, losses: Losses, depth: int) -> Any:
    if member.container is None:
        return _fit_one(value, member.kind, path, losses, depth)
    items = value if isinstance(value, list) else [value]
    if len(items) > MOST_ITEMS and member.kind is not Entry:
        losses.append(path)
        items = items[:MOST_ITEMS]
    fitted = [_fit_one(item, member.kind, path, losses, depth) for item in items if item is not None]
    return member.container(item for item in fitted if item is not _MISSING)


def _fit_one(value: object, kind: type, path: str, losses: Losses, depth: int) -> Any:
    if kind is msgspec.Raw:
        return msgspec.Raw(json.dumps(value).encode())
    if isinstance(value, list):
        value = _unwrapped(value, kind)
    reader = _PRIMITIVES.get(kind)
    found = reader(value) if reader else _fit_object(value, kind, path, losses, depth)
    if found is _MISSING:
        losses.append(path)
    return found


def _unwrapped(items: list[object], kind: type) -> object:
    """The one object behind a list that should not be there; several CodeableConcepts are joined."""
    items = [item for item in items if item is not None]
    if len(items) == 1:
        return items[0]
    if kind is CodeableConcept and items and all(isinstance(item, dict) for item in items):
        codings = [coding for item in items for coding in _listed(item, "coding")]
        texts = [item["text"] for item in items if isinstance(item, dict) and isinstance(item.get("text"), str)]
        return {"coding": codings, "text": "; ".join(texts) or None}
    return _MISSING


def _listed(item: object, name: str) -> list[object]:
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, list) else [value]


def _fit_object(value: object, kind: type, path: str, losses: Losses, depth: int) -> Any:
    if isinstance(value, dict):
        return _fit_struct(value, kind, path, losses, depth + 1)
    if isinstance(value, str) and kind is CodeableConcept:
        return CodeableConcept(text=value)
    if isinstance(value, str) and kind is Reference:
        return Reference(reference=value)
    return _MISSING


def _fit_text(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_WORDS else _MISSING
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _MISSING


def _fit_number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _MISSING
    return float(value) if abs(value) < 1e9 else _MISSING


def _fit_truth(value: object) -> object:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), _MISSING)
    return value if isinstance(value, bool) else _MISSING


_PRIMITIVES: dict[type, Callable[[object], object]] = {str: _fit_text, float: _fit_number, bool: _fit_truth}
