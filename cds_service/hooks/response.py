"""The answer as it leaves: typed cards, no nulls, no empties, and nothing invalid ever goes out.

Members and their rules: CDS Hooks 2.0.1, "CDS Service Response" and its logical model (cds-resp-1 to cds-resp-7).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeGuard

import msgspec
from msgspec import Meta

from cds_service.hooks.prune import prune

LONGEST_SUMMARY = 139
FINDINGS_EXTENSION = "org.cds-service.findings"
"""The member of `extension` that lists every finding merged into a card."""

UUID_FORM = r"^(urn:uuid:)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z"
Text = Annotated[str, Meta(pattern=r"\S")]
Summary = Annotated[str, Meta(pattern=r"^[^\n\r]*\S[^\n\r]*\Z", max_length=LONGEST_SUMMARY)]
Uuid = Annotated[str, Meta(pattern=UUID_FORM)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+")]
ResourceId = Annotated[str, Meta(pattern=r"^[A-Za-z]+/[A-Za-z0-9_.-]+\Z")]

Indicator = Literal["info", "warning", "critical"]
SelectionBehavior = Literal["any", "at-most-one"]
ActionType = Literal["create", "update", "delete"]


class ResponseDefect(Exception):
    """An answer of ours breaks the specification: a defect here, never the caller's fault."""


class Coding(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """A code with its system, and a display where one is known."""

    system: Text
    code: Text
    display: Text = ""


class Source(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True):
    """Where the advice comes from; `topic` is the same code on every card of one rule."""

    label: Text
    url: Url = ""
    icon: Url = ""
    topic: Coding | None = None


class Action(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, rename="camel"):
    """One change to the orders: `resource` for create and update, `resource_id` (`Type/id`) for delete."""

    type: ActionType
    description: Text
    resource: msgspec.Raw | dict[str, object] | None = None
    resource_id: ResourceId = ""


class Suggestion(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, rename="camel"):
    """Actions that the user takes together with one press."""

    label: Text
    uuid: Uuid
    is_recommended: bool = False
    actions: tuple[Action, ...] = ()


class Link(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, rename="camel"):
    """A link for the user; `app_context` only where `type` is `smart`."""

    label: Text
    url: Url
    type: Literal["absolute", "smart"]
    app_context: Text = ""


class Card(msgspec.Struct, omit_defaults=True, kw_only=True, frozen=True, rename="camel"):
    """One card. `summary` is one sentence of fewer than 140 characters; `detail` is Markdown."""

    uuid: Uuid
    summary: Summary
    indicator: Indicator
    source: Source
    detail: Text = ""
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: SelectionBehavior | None = None
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    extension: dict[str, object] = {}


class _Answer(msgspec.Struct, frozen=True):
    cards: tuple[Card, ...]


_EMPTIES = (b"null", b'""', b"[]", b"{}")
_encode = msgspec.json.Encoder().encode
_check_shape = msgspec.json.Decoder(_Answer).decode


def topic_code(card_id: str) -> str:
    """The card's id as a `source.topic` code: letters and digits only, at most 100 (what every client accepts)."""
    code = re.sub(r"[^A-Za-z0-9]", "", card_id)
    if not 0 < len(code) <= 100:
        raise ResponseDefect(f"the card id {card_id!r} gives no topic code of 1 to 100 letters and digits")
    return code


def encode_cards(cards: Sequence[Card]) -> bytes:
    """The body of a 200 answer. Raises `ResponseDefect` when a card breaks a rule of the specification."""
    body = _encode(_Answer(tuple(cards)))
    if _may_hold_empties(cards, body):
        body = _encode(_Answer(tuple(_without_empties(card) for card in cards)))
    try:
        _check_shape(body)  # the same types read back what was written: a wrong type or form cannot leave
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ResponseDefect(f"the answer is not valid: {error}") from None
    for fault in _faults(cards):
        raise ResponseDefect(fault)
    return body


def _may_hold_empties(cards: Sequence[Card], body: bytes) -> bool:
    """Whether an answer is worth a closer look; a resource as sent always is, since it may be written with blanks."""
    if any(mark in body for mark in _EMPTIES):
        return True
    actions = (action for card in cards for suggestion in card.suggestions for action in suggestion.actions)
    return any(isinstance(action.resource, msgspec.Raw) for action in actions)


def _without_empties(card: Card) -> Card:
    suggestions = tuple(_clean_suggestion(suggestion) for suggestion in card.suggestions)
    extension = prune(card.extension) if card.extension else {}
    return msgspec.structs.replace(card, suggestions=suggestions, extension=extension)


def _clean_suggestion(suggestion: Suggestion) -> Suggestion:
    if not any(action.resource for action in suggestion.actions):
        return suggestion
    actions = tuple(_clean_action(action) for action in suggestion.actions)
    return msgspec.structs.replace(suggestion, actions=actions)


def _clean_action(action: Action) -> Action:
    """The action with a resource free of nulls and empties; a legal order as sent keeps its members and their order."""
    resource = action.resource
    if resource is None:
        return action
    if isinstance(resource, msgspec.Raw):
        resource = msgspec.json.decode(resource)
    if not _is_resource(resource):
        raise ResponseDefect(_no_resource(action))
    return msgspec.structs.replace(action, resource=prune(resource))


def _no_resource(action: Action) -> str:
    return f"the resource of the action {action.description!r} is no resource"


def _is_resource(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and isinstance(value.get("resourceType"), str) and bool(value["resourceType"])


def _faults(cards: Sequence[Card]) -> Iterator[str]:
    uuids = [card.uuid for card in cards]
    uuids += [suggestion.uuid for card in cards for suggestion in card.suggestions]
    if len(set(uuids)) != len(uuids):
        yield "a uuid stands twice in one answer"
    for card in cards:
        yield from _card_faults(card)


def _card_faults(card: Card) -> Iterator[str]:
    if card.suggestions and card.selection_behavior is None:
        yield "suggestions without selectionBehavior"
    recommended = sum(suggestion.is_recommended for suggestion in card.suggestions)
    if recommended > 1 and card.selection_behavior == "at-most-one":
        yield "at-most-one with several recommended suggestions"
    if any(not reason.display for reason in card.override_reasons):
        yield "an override reason without display"
    if any(link.app_context and link.type != "smart" for link in card.links):
        yield "appContext on a link that is not smart"
    for suggestion in card.suggestions:
        for action in suggestion.actions:
            yield from _action_faults(action)


def _action_faults(action: Action) -> Iterator[str]:
    if action.type == "delete" and (action.resource is not None or not action.resource_id):
        yield "a delete action needs resourceId and no resource"
    if action.type != "delete" and action.resource is None:
        yield f"the {action.type} action has no resource"
    if isinstance(action.resource, dict) and not _is_resource(action.resource):
        yield _no_resource(action)
