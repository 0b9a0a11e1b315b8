"""Who is calling, and which options that client has agreed with us."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

SelectionBehavior = Literal["any", "at-most-one"]


class FhirBase(NamedTuple):
    """The base address of a FHIR server that a client may name.

    `private`: it may stand at an address of a private network or on this machine; `plain_http`: it may be asked
    without TLS (sandbox only).
    """

    url: str
    private: bool = False
    plain_http: bool = False


class FhirRules(NamedTuple):
    """How FHIR servers are asked, the same for all clients of a process.

    All questions of a call may take `seconds` together. At most `calls` wait for an answer at once,
    `calls_per_client` of them for one client. A server that did not answer `pause_after` calls in a row is left alone
    for `pause_seconds`. `ca_file` holds the certificates trusted there, "" for the usual ones. What is fetched for a
    call may have so many `entries`, together with those that were sent, and so many `bytes` by itself.
    """

    seconds: float = 2.0
    calls: int = 12
    calls_per_client: int = 6
    pause_after: int = 5
    pause_seconds: float = 30.0
    ca_file: str = ""
    entries: int = 20_000
    bytes: int = 8_000_000


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What may differ from client to client.

    `selection_behavior` forces one value on every card (some clients know only one);
    `shows_drafts` lets draft cards through; `findings_extension` adds the list of merged findings to a card;
    `service_url` is the public address under which this client knows the service (for our own code systems);
    `fhir_bases` are the FHIR servers that may be asked with its token, by `fhir_rules`.
    """

    selection_behavior: SelectionBehavior | None = None
    shows_drafts: bool = False
    findings_extension: bool = False
    region: str = "us"
    service_url: str = "http://127.0.0.1:8080"
    fhir_bases: tuple[FhirBase, ...] = ()
    fhir_rules: FhirRules = field(default_factory=FhirRules)


@dataclass(frozen=True, slots=True)
class Caller:
    """The client behind a call. `name` is a registered name, never taken from the request.

    `repeats`: this call repeats one that the client has made already, as a balancer may that tries again.
    """

    name: str
    options: ClientOptions = field(default_factory=ClientOptions)
    repeats: bool = False
