"""Settings that are good by themselves and must not be set together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cds_service.settings.table import Settings

_NO_CLIENTS = (
    "CDS_PROFILE=production needs CDS_CLIENTS_FILE: without the clients that may call, nobody can be let in; "
    "write the file, or use CDS_PROFILE=sandbox with synthetic data only."
)
_NO_HTTPS = (
    "CDS_PROFILE=production needs CDS_BASE_URL to be the https address that callers use; their tokens are made out "
    "to it."
)
_ANY_ORIGIN = (
    "CDS_PROFILE=production takes no CDS_CORS_ORIGINS=*; allowed are origins separated by commas, beside those of the "
    "clients file."
)
_SANDBOX_SERVERS = (
    "CDS_PROFILE=production takes no CDS_FHIR_ALLOWED_SERVERS; allowed are the fhir_bases of the clients in the "
    "clients file."
)
_MEMORY = (
    "CDS_REPLAY_STORE=memory serves one worker only, or a token could be used once with each; use sqlite, or "
    "CDS_WORKERS=1."
)
_FEW_CONNECTIONS = (
    "CDS_MAX_CONNECTIONS is smaller than CDS_MAX_IN_FLIGHT, so that calls would wait unseen instead of being refused; "
    "raise it, to the connections that proxies keep open at least."
)


def conflicts(settings: "Settings") -> Iterator[str]:
    """A sentence for each pair of settings that do not go together."""
    if settings.replay_store == "memory" and settings.worker_count > 1:
        yield _MEMORY
    if settings.max_connections < settings.max_in_flight:
        yield _FEW_CONNECTIONS
    if settings.profile == "sandbox":
        return
    if settings.clients_file is None:
        yield _NO_CLIENTS
    if not settings.base_url.startswith("https://"):
        yield _NO_HTTPS
    if "cors_origins" in settings.model_fields_set and settings.cors_origins == ("*",):
        yield _ANY_ORIGIN
    if settings.fhir_allowed_servers:
        yield _SANDBOX_SERVERS
