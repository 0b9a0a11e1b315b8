"""The clients that may call, each with what was agreed with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_service.caller import Caller, ClientOptions, FhirBase, FhirRules, SelectionBehavior
from cds_service.trust.keys import Key

DEFAULT_ALGORITHMS = ("ES384", "RS384")
DEFAULT_LIFETIME = 3600
PUBLIC_SANDBOX = "https://sandbox.cds-hooks.org"


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client. Keys come from `jku` (fetched in the background) or are `pinned`, by kid.

    `fhir_private` lets its FHIR servers stand in the private network. `max_lifetime` is in seconds; `rate_per_minute`
    and `region` are None where the service's own value counts.
    """

    name: str
    issuer: str
    tenant: str | None = None
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    jku: str | None = None
    pinned: Mapping[str, Key] = field(default_factory=dict)
    max_lifetime: int = DEFAULT_LIFETIME
    fhir_bases: tuple[str, ...] = ()
    fhir_private: bool = False
    cors_origins: tuple[str, ...] = ()
    selection_behavior: SelectionBehavior | None = None
    shows_drafts: bool = False
    findings_extension: bool = False
    rate_per_minute: int | None = None
    allow_retry: bool = False
    region: str | None = None

    def caller(self, service_url: str, region: str, fhir_rules: FhirRules) -> Caller:
        """What the rest of the service knows of this client."""
        options = ClientOptions(
            selection_behavior=self.selection_behavior,
            shows_drafts=self.shows_drafts,
            findings_extension=self.findings_extension,
            region=self.region or region,
            service_url=service_url,
            # Plain http is in a clients file of the sandbox profile only: production refuses such a file.
            fhir_bases=tuple(
                FhirBase(base, self.fhir_private, plain_http=base.startswith("http:")) for base in self.fhir_bases
            ),
            fhir_rules=fhir_rules,
        )
        return Caller(self.name, options)


class Clients:
    """All registered clients, found by issuer and tenant."""

    def __init__(self, clients: tuple[Client, ...]) -> None:
        self.all = clients
        self._found = {(client.issuer, client.tenant): client for client in clients}

    def by_issuer(self, issuer: str, tenant: str | None = None) -> Client | None:
        """The client of an issuer: the one of this tenant, else the one registered without a tenant."""
        return self._found.get((issuer, tenant)) or self._found.get((issuer, None))

    @property
    def cors_origins(self) -> tuple[str, ...]:
        """The origins of all clients together."""
        return tuple(sorted({origin for client in self.all for origin in client.cors_origins}))

    @property
    def longest_lifetime(self) -> int:
        """The longest life, in seconds, that any client's token may have."""
        return max(client.max_lifetime for client in self.all)
