"""One request through the real decision path, for the commands that explain."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from cds_service import hooks, service
from cds_service.caller import ClientOptions
from cds_service.cli.output import USAGE, read_json, stop
from cds_service.knowledge.library import Library
from cds_service.service import Judged
from cds_service.simulation import fixtures

Json = dict[str, Any]


def clock() -> datetime:
    """Now."""
    return datetime.now(UTC)


def wanted_request(name: str) -> Json:
    """A request from a file, or of a synthetic patient by name."""
    path = Path(name)
    if path.suffix == ".json" or path.exists():
        content = read_json(path)
        inner = content.get("request", content) if "hook" not in content else content
        found: Json = msgspec.json.decode(fixtures.with_dates(msgspec.json.encode(inner).decode(), clock()))
        return found
    try:
        return fixtures.find(name, clock()).request
    except fixtures.UnknownFixture:
        known = ", ".join(fixture.name for fixture in fixtures.patients(clock()))
        stop(USAGE, f'"{name}" is neither a file nor a synthetic patient. Patients: {known}.')


def judged(request: Json, library: Library, region: str) -> Judged:
    """The decision on a request, drafts shown; ends with a sentence when the request is refused."""
    hook = next((hook for hook in hooks.HOOKS if hook == request.get("hook")), None)
    if hook is None:
        stop(USAGE, f"hook is {request.get('hook')!r}; the services answer {', '.join(hooks.HOOKS)}.")
    try:
        read = hooks.read_request(msgspec.json.encode(request), hook)
    except hooks.Refused as refused:
        stop(USAGE, f"{refused.status}: {refused.message} ({refused.pointer or 'the body'})")
    options = ClientOptions(shows_drafts=True, findings_extension=True, region=region)
    return service.judge(read, options, library, clock(), uuid4())


def cards_of(result: Judged) -> list[Json]:
    """The cards as they would go over the wire."""
    found: Json = msgspec.json.decode(hooks.encode_cards(result.decision.cards))
    cards: list[Json] = found["cards"]
    return cards
