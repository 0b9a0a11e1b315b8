"""Who is calling, and which options that client has agreed with us."""

from dataclasses import dataclass, field
from typing import Literal

SelectionBehavior = Literal["any", "at-most-one"]


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What may differ from client to client.

    `selection_behavior` forces one value on every card (wire.md A.1 b: some clients know only one);
    `shows_drafts` lets draft cards through; `findings_extension` adds the list of merged findings to a card;
    `service_url` is the public address under which this client knows the service (for our own code systems).
    """

    selection_behavior: SelectionBehavior | None = None
    shows_drafts: bool = False
    findings_extension: bool = False
    region: str = "us"
    service_url: str = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a call. `name` is a registered name, never taken from the request."""

    name: str
    options: ClientOptions = field(default_factory=ClientOptions)
