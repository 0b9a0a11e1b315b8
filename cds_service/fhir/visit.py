"""One call's questions to one FHIR server: begun when the call may wait for it, and what became of them together."""

import threading
from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from cds_service.caller import FhirRules
from cds_service.fhir.bases import Permission
from cds_service.fhir.breaker import Server
from cds_service.fhir.guard import Guard
from cds_service.fhir.pages import Failure

if TYPE_CHECKING:
    from cds_service.fhir.access import Inquiry

MOST_AT_ONCE = 5
"""How many questions of one call are under way at once: one for each section."""


class Asked(Protocol):
    """A question under way. Its `answer` becomes the body of a 200, or a failure."""

    @property
    def answer(self) -> Future[bytes | Failure]:
        """Never raises."""

    def cut(self) -> None:
        """End it now."""


class Visit:
    """Asks one server for one call, until a moment of the monotonic clock.

    The first question takes a place of the guard; it is free again when the visit has ended and so has every thread
    that worked for it. Whether the server answered is told to the guard at the end.
    """

    def __init__(self, to: Permission, token: str, until: float, client: str, rules: FhirRules, guard: Guard) -> None:
        self._to, self._token, self._until, self._rules, self._guard = to, token, until, rules, guard
        self._server = Server(client, to.base.url)
        self._is_fair = False  # whether a server that does not answer in time is to be blamed: it had enough
        self._refused: str | None = None
        self._inquiries: list[Inquiry] = []
        self._lock = threading.Lock()
        self._holders = 1  # of the place: the visit itself, and each thread at work for it

    def ask(self, url: str) -> Asked:
        """Begin to read `url`. Never raises: what cannot be asked is answered with a failure."""
        from cds_service.fhir.access import Access, Inquiry, inquirer  # a worker that never asks loads no HTTP client

        inquiry = Inquiry(Access(self._to, self._token, self._until, self._rules.ca_file), url)
        if self._refused is None:
            self._refused = self._guard.enter(self._server)
            # With less time than half of what is usual, not being in time says nothing about the server.
            self._is_fair = self._until - monotonic() >= self._rules.seconds / 2
        if self._refused:
            inquiry.answer.set_result(Failure(self._refused))
            return inquiry
        self._inquiries.append(inquiry)
        with self._lock:
            self._holders += 1
        inquirer(self._rules.calls * MOST_AT_ONCE).begin(inquiry, self._let_go)
        return inquiry

    def end(self) -> None:
        """No more questions will come. Those still under way were not answered in time; cut them before."""
        if self._refused != "":
            return
        verdicts = {_answered(inquiry, fair=self._is_fair) for inquiry in self._inquiries}
        if True in verdicts:
            self._guard.breaker.answered(self._server)
        elif False in verdicts:
            self._guard.breaker.failed(self._server)
        self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            self._holders -= 1
            is_over = not self._holders
        if is_over:
            self._guard.leave(self._server)


def _answered(inquiry: "Inquiry", *, fair: bool) -> bool | None:
    """Whether the server answered, be it with a refusal; None where nothing can be said about the server."""
    found = inquiry.answer.result() if inquiry.answer.done() else Failure("fetch-timeout")
    if not isinstance(found, Failure):
        return True
    if found.reason == "fetch-timeout":
        return False if fair else None
    if found.reason in ("fetch-blocked", "fetch-busy"):
        return None
    return found.reason != "fetch-failed" or inquiry.answered
