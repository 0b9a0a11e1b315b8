"""Where the time of one call goes: every stage of the service by itself, on one body."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cds_service import hooks
from cds_service.audit import Journal
from cds_service.caller import Caller, ClientOptions
from cds_service.decide import decide
from cds_service.fhir import gather, read_chart
from cds_service.knowledge.library import Library
from cds_service.record import decision_record

_ID = UUID(int=1)


def stages(cards: Library, body: bytes, now: datetime, folder: Path) -> dict[str, Callable[[], object]]:
    """The stages of a call in their order, each a function that does its work once."""
    options = ClientOptions(shows_drafts=True, findings_extension=True, service_url="http://127.0.0.1:8080")
    caller = Caller("sandbox", options)
    journal = Journal(folder)
    request = hooks.read_request(body, "order-select")
    gathered = gather(request, cards.needs("order-select"))
    chart = read_chart(request, gathered, cards.terms, now)
    decision = decide(chart, cards, options, "order-select", _ID)
    record = decision_record(request, caller, cards, gathered, chart, decision, _ID, 200, {"read": 0.5, "decide": 0.5})
    return {
        "read the request": lambda: hooks.read_request(body, "order-select"),
        "gather and decode FHIR": lambda: gather(request, cards.needs("order-select")),
        "read the chart": lambda: read_chart(request, gathered, cards.terms, now, cards.needs("order-select").tests),
        "decide and write the cards": lambda: decide(chart, cards, options, "order-select", _ID),
        "encode and check the answer": lambda: hooks.encode_cards(decision.cards),
        "build the record": lambda: decision_record(
            request, caller, cards, gathered, chart, decision, _ID, 200, {"read": 0.5, "decide": 0.5}
        ),
        "journal, on disk": lambda: journal.write(record),
    }
