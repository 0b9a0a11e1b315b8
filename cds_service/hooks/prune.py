"""Leaving out what has no value: JSON on this wire knows no null and no empty string, list or object."""

from collections.abc import Mapping


def prune(members: Mapping[str, object]) -> dict[str, object]:
    """The object without nulls and empties, to any depth.

    FHIR's paired arrays (`given` beside `_given`) keep their nulls: there a null holds the place of its neighbour.
    """
    kept: dict[str, object] = {}
    for name, value in members.items():
        partner = name[1:] if name.startswith("_") else f"_{name}"
        pruned = _pruned(value, keep_nulls=_holds_something(members.get(partner)))
        if not _is_empty(pruned):
            kept[name] = pruned
    return kept


def _holds_something(partner: object) -> bool:
    return isinstance(partner, list) and bool(_pruned_items(partner, keep_nulls=False))


def _pruned(value: object, keep_nulls: bool) -> object:
    if isinstance(value, dict):
        return prune(value)
    if isinstance(value, list | tuple):
        return _pruned_items(value, keep_nulls)
    return value


def _pruned_items(items: list[object] | tuple[object, ...], keep_nulls: bool) -> list[object]:
    pruned = [_pruned(item, keep_nulls=False) for item in items]
    if keep_nulls:
        nulls_for_empties = [None if _is_empty(item) else item for item in pruned]
        return nulls_for_empties if any(item is not None for item in nulls_for_empties) else []
    return [item for item in pruned if not _is_empty(item)]


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str | list | dict | tuple) and not value)
