"""The gate: from the Authorization header of a call to the client behind it."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from cds_service.caller import Caller
from cds_service.settings import Settings
from cds_service.trust.clients import Clients
from cds_service.trust.clients_file import load_clients
from cds_service.trust.keyring import ClientKeys, Fetch
from cds_service.trust.rates import Rates, Shares
from cds_service.trust.refusals import ConfigurationError, Unauthorized, Unavailable
from cds_service.trust.replay import ReplayStore, StoreDown
from cds_service.trust.replay_opening import open_replay
from cds_service.trust.tokens import spend, verify

_FIRST_KEYS_SECONDS = 5.0
NO_CLIENTS_FILE = "CDS_CLIENTS_FILE is not set; it must name the file of the clients that may call."


class Gate:
    """Lets known clients in, each token once."""

    def __init__(
        self, clients: Clients, keys: ClientKeys, replay: ReplayStore, rates: Rates, shares: Shares,
        callers: Mapping[str, Caller],
    ) -> None:  # fmt: skip
        self.clients, self.keys, self.replay = clients, keys, replay
        self._rates, self._shares, self._callers = rates, shares, callers

    def admit(self, authorization: str | None, audience: str, read_body: Callable[[], bytes], now: float) -> Caller:
        """The caller behind a call. Raises `Unauthorized`, `Throttled` or `Unavailable`, and what `read_body` raises.

        A call refused for its rate or its share does not use its token up, and a copied token does not use up the rate.
        """
        if authorization is None:
            raise Unauthorized("header")
        verified = verify(authorization, audience, self.clients, self.keys, now)
        self._rates.check(verified.client)
        self._shares.check(verified.client.name)
        try:
            verdict = spend(verified, read_body, self.replay, now)
        except StoreDown as error:
            raise Unavailable(str(error)) from error
        self._rates.count(verified.client)
        caller = self._callers[verified.client.name]
        return replace(caller, repeats=True) if verdict == "repeat" else caller

    def share_of(self, caller: Caller) -> AbstractContextManager[None]:
        """Holds one of the places of a client while its call is worked on; a caller without a token needs none.

        Raises `Throttled` when the client has as many as it may.
        """
        return self._shares.one(caller.name) if caller.name in self._callers else nullcontext()

    def state(self) -> list[str]:
        """Sentences for people: the replay store and the fetched keys."""
        return [f"replay: {self.replay.state()}", *self.keys.state()]

    def close(self) -> None:
        """End threads, let go of files and connections."""
        self.keys.close()
        self.replay.close()


def clients_of(settings: Settings) -> Clients:
    """The registered clients. Raises `ConfigurationError`."""
    if settings.clients_file is None:
        raise ConfigurationError([NO_CLIENTS_FILE])
    return load_clients(settings.clients_file, settings.profile == "sandbox")


def open_gate(settings: Settings, now: float, monotonic: Callable[[], float] = time.monotonic) -> Gate:
    """The gate that the settings ask for; waits up to five seconds for key sets. Raises `ConfigurationError`."""
    clients = clients_of(settings)
    keys = ClientKeys(clients, settings.jwks_stale_hours * 3600.0, _fetch(settings, clients), monotonic)
    replay = open_replay(settings.replay_store, settings.data_dir, now, monotonic, clients.longest_lifetime)
    keys.start(_FIRST_KEYS_SECONDS)
    rules = settings.fhir_rules
    callers = {client.name: client.caller(settings.public_url, settings.region, rules) for client in clients.all}
    return Gate(clients, keys, replay, Rates(settings.rate_limit), Shares(settings.max_in_flight_per_client), callers)


def _fetch(settings: Settings, clients: Clients) -> Fetch:
    """How key sets are fetched; the HTTP client is loaded only where a client has an address for its keys."""
    if not any(client.jku for client in clients.all):
        return _never
    from cds_service.trust.fetching import fetcher

    return fetcher(settings.ca_file, settings.profile == "sandbox")


def _never(address: str) -> object:
    raise LookupError(address)
