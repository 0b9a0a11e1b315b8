"""The keys of all clients, pinned or fetched ahead in the background; a call never waits for a key."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cds_service.trust.clients import Client, Clients
from cds_service.trust.keys import Key, read_keys

REFRESH_SECONDS = 600.0
LEAST_PAUSE_SECONDS = 60.0
Fetch = Callable[[str], object]


@dataclass(slots=True)
class FetchedKeys:
    """The key set of one address: what it was when last read, and when it is looked at again."""

    address: str
    stale_seconds: float
    keys: Mapping[str, Key] = field(default_factory=dict)
    read_at: float = float("-inf")
    tried_at: float = float("-inf")
    fault: str = "it has not been fetched yet"
    asked: threading.Event = field(default_factory=threading.Event)
    tried: threading.Event = field(default_factory=threading.Event)

    def find(self, kid: str, tick: float) -> Key | None:
        """A key that may still be used; an unknown one is asked for, which fetches at most once a minute."""
        key = self.keys.get(kid) if tick - self.read_at <= self.stale_seconds else None
        if key is None:
            self.asked.set()
        return key

    def pause(self, tick: float) -> float:
        """Seconds until the next fetch: a minute after the last when a key is asked for or the last one failed."""
        soon = self.asked.is_set() or bool(self.fault)
        return max(0.0, self.tried_at + (LEAST_PAUSE_SECONDS if soon else REFRESH_SECONDS) - tick)

    def refresh(self, fetch: Fetch, monotonic: Callable[[], float]) -> None:
        """Fetch now. What cannot be fetched or holds no usable key leaves the keys as they are."""
        self.tried_at = monotonic()
        self.asked.clear()
        try:
            keys, faults = read_keys(fetch(self.address))
        except Exception as error:
            # Whatever went wrong with one endpoint, its thread must live on and try again.
            self.fault = str(error) or type(error).__name__
        else:
            self.fault = "" if keys else "; ".join(faults) or "there is no key in it"
            if keys:
                self.keys, self.read_at = keys, monotonic()
        finally:
            self.tried.set()


class ClientKeys:
    """Finds the key of a client. `start` begins the fetching; without it only pinned keys are known."""

    def __init__(self, clients: Clients, stale_seconds: float, fetch: Fetch, monotonic: Callable[[], float]) -> None:
        self._fetch, self._monotonic = fetch, monotonic
        addresses = {client.jku for client in clients.all if client.jku}
        self.fetched = {address: FetchedKeys(address, stale_seconds) for address in sorted(addresses)}
        self._ended = threading.Event()

    def find(self, client: Client, kid: str) -> Key | None:
        """The key of (client, kid), or None. Never fetches."""
        if client.jku is None:
            return client.pinned.get(kid)
        return self.fetched[client.jku].find(kid, self._monotonic())

    def start(self, seconds: float) -> None:
        """Begin fetching, a thread for each address, and wait up to `seconds` for the first answers."""
        for held in self.fetched.values():
            threading.Thread(target=self._keep, args=(held,), name="keys", daemon=True).start()
        until = self._monotonic() + seconds
        for held in self.fetched.values():
            held.tried.wait(max(0.0, until - self._monotonic()))

    def _keep(self, held: FetchedKeys) -> None:
        while not self._ended.is_set():
            pause = held.pause(self._monotonic())
            if pause > 0:
                # A key asked for shortens the wait, but never under a minute from the last fetch.
                self._ended.wait(min(pause, 1.0))
            else:
                held.refresh(self._fetch, self._monotonic)

    def state(self) -> list[str]:
        """A sentence for each address."""
        tick = self._monotonic()
        return [_state(held, tick) for held in self.fetched.values()]

    def close(self) -> None:
        """End the threads."""
        self._ended.set()


def _state(held: FetchedKeys, tick: float) -> str:
    if held.read_at == float("-inf"):
        return f"keys of {held.address}: none, {held.fault}"
    age = int(tick - held.read_at)
    usable = "" if age <= held.stale_seconds else ", too old to be used"
    return f"keys of {held.address}: {len(held.keys)}, {age} s old{usable}{'; ' + held.fault if held.fault else ''}"
