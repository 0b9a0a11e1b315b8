"""What must be true before real patients may be asked about."""

from cds_service.knowledge.library import Library
from cds_service.settings import Settings
from cds_service.trust.gate import clients_of
from cds_service.trust.refusals import ConfigurationError


def check_start(settings: Settings, library: Library) -> None:
    """Read the clients and judge the start. Raises `ConfigurationError` with every sentence.

    In production a library without one active card may only be shown to clients that are told to show drafts.
    """
    if settings.clients_file is None:
        return
    clients = clients_of(settings)
    careful = [client.name for client in clients.all if not client.shows_drafts]
    active = any(card.status == "active" for card in library.cards)
    if settings.profile == "production" and careful and not active:
        sentence = (
            f"No card is active, so nothing could be shown to {', '.join(careful)}; "
            "activate cards, or set shows_drafts: true for every client (validation only)."
        )
        raise ConfigurationError([sentence])
