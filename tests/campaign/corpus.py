"""What the campaign starts from: the whole requests of the fixtures, feedback, cards; as bytes."""

from functools import cache
from typing import Any, NamedTuple

import msgspec
import yaml

from cds_service.folders import fixtures_folder
from cds_service.simulation.fixtures import with_dates
from tests.conftest import CARDS
from tests.fixtures.people import NOW, PEOPLE

HOOKS = ("patient-view", "order-select", "order-sign")
FEEDBACK = (
    {"card": "0f3d1c5e-8a61-4c0e-9c0b-3d0a52f4b7e1", "outcome": "overridden", "outcomeTimestamp": "2026-03-01T10:00:00Z",
     "overrideReason": {"reason": {"code": "x", "system": "https://x.example.org"}, "userComment": "none"}},
    {"card": "c", "outcome": "accepted", "outcomeTimestamp": "2026-03-01T10:00:00.5+02:00", "acceptedSuggestions": [{"id": "s"}]},
)  # fmt: skip


class Seed(NamedTuple):
    """A body and the door it is for."""

    path: str
    body: bytes


@cache
def calls() -> tuple[Seed, ...]:
    """Hook calls: every synthetic patient, every odd and every hostile file that is not gigantic."""
    found = [Seed(f"/cds-services/cramp-{one.request['hook']}", msgspec.json.encode(one.request)) for one in PEOPLE]
    folder = fixtures_folder() / "requests"
    index: dict[str, dict[str, Any]] = yaml.safe_load((folder / "index.yaml").read_text(encoding="utf-8"))
    for name, entry in index.items():
        raw = (folder / name).read_bytes()
        body = with_dates(raw.decode(), NOW).encode() if name.startswith("odd/") else raw
        door = "/feedback" if entry.get("door") else ""
        if len(body) < 100_000:
            found.append(Seed(f"/cds-services/{entry['service']}{door}", body))
    return tuple(found)


@cache
def feedback() -> tuple[Seed, ...]:
    return tuple(
        Seed(f"/cds-services/cramp-{hook}/feedback", msgspec.json.encode({"feedback": FEEDBACK})) for hook in HOOKS
    )


@cache
def cards() -> tuple[bytes, ...]:
    """The text of every card."""
    return tuple(path.read_bytes() for path in sorted(CARDS.glob("*/*/card.yaml")))
