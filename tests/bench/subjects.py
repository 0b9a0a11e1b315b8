"""The service as it is measured: the real application on a fixed clock, with its journal and without."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from flask import Flask

from cds_service import hooks, service
from cds_service.audit import Journal
from cds_service.caller import Caller
from cds_service.fhir import gather
from cds_service.folders import cards_folder
from cds_service.hooks import HookRequest
from cds_service.knowledge.library import Library, load_library
from cds_service.pace import Pace
from cds_service.settings import Settings
from cds_service.web.app import create_app
from cds_service.web.doors import Respond

LARGEST_BODY = "64000000"
OF_THE_LIMIT = frozenset(
    {"baclofen-renal", "diuretic-cramps-review", "diuretic-low-magnesium", "diuretic-low-potassium",
     "diuretic-low-sodium", "quinine-cramps"}
)  # fmt: skip
"""The cards that ask what the six rules of the limit ask."""


def library() -> Library:
    """The cards of this repository."""
    return load_library(cards_folder())


def few(cards: Library) -> Library:
    """The library with no cards but those of the limit: the same questions on both sides of the comparison."""
    regions = {name: tuple(card for card in all_ if card.id in OF_THE_LIMIT) for name, all_ in cards.regions.items()}
    return replace(cards, regions=regions)


def application(cards: Library, now: datetime, folder: Path, respond: Respond) -> Flask:
    """The application of a worker, allowed to take the huge body."""
    settings = Settings.load({"CDS_DATA_DIR": str(folder), "CDS_MAX_BODY_BYTES": LARGEST_BODY})
    return create_app(settings, cards, Journal(folder), lambda: now, respond, service.take_feedback)


def unrecorded(
    request: HookRequest, caller: Caller, cards: Library, journal: Journal, now: datetime, decision_id: UUID,
    pace: Pace | None = None,
) -> service.Answer:  # fmt: skip
    """The same story without its record: what the peers do, who keep none."""
    decision = service.judge(request, caller.options, cards, now, decision_id, pace=pace).decision
    return service.Answer(200, hooks.encode_cards(decision.cards), {"cards": len(decision.cards)})


def decoded_only(
    request: HookRequest, caller: Caller, cards: Library, journal: Journal, now: datetime, decision_id: UUID, pace: Pace
) -> service.Answer:
    """Nothing but what comes before the medicine: routing, strict reading, decoding, and an empty answer."""
    gather(request, cards.needs(request.hook))
    return service.Answer(200, hooks.encode_cards(()), {})
