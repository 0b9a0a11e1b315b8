"""Single rooms, asked directly: bytes in, a word out, and no exception but those that are promised."""

import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from uuid import UUID

import msgspec

from cds_service import hooks, service
from cds_service.caller import ClientOptions
from cds_service.hooks.strict_json import check_depth, read_strict
from cds_service.knowledge.cards import read_card
from cds_service.knowledge.faults import LibraryError
from cds_service.knowledge.strict_yaml import parse_yaml
from cds_service.trust.clients import Clients
from cds_service.trust.keyring import ClientKeys
from cds_service.trust.refusals import Unauthorized
from cds_service.trust.replay import MemoryStore
from cds_service.trust.tokens import authenticate
from tests.campaign.corpus import HOOKS, calls, cards, feedback
from tests.conftest import CARDS, shipped
from tests.fixtures.people import NOW
from tests.trust.issuing import AUDIENCE, claims, key_pair, pinned, sign
from tests.trust.issuing import NOW as TOKEN_NOW

Room = Callable[[bytes], str]
_DECISION = UUID(int=1)


def strict_json(body: bytes) -> str:
    try:
        value = read_strict(body)
        check_depth(body, 64)
    except hooks.Refused:
        return "refused"
    msgspec.json.encode(value)
    return "read"


def request(body: bytes) -> str:
    told = []
    for hook in HOOKS:
        try:
            hooks.read_request(body, hook)
            told.append("read")
        except hooks.Refused:
            told.append("refused")
    return "read" if "read" in told else "refused"


def reading_feedback(body: bytes) -> str:
    try:
        hooks.read_feedback(body)
    except hooks.Refused:
        return "refused"
    return "read"


def chart(body: bytes) -> str:
    """Request, chart, decision and the answer's own check, for the hook that the body names."""
    for hook in HOOKS:
        try:
            call = hooks.read_request(body, hook)
        except hooks.Refused:
            continue
        reading = service.judge(call, ClientOptions(shows_drafts=True), shipped(), NOW, _DECISION)
        failed = [outcome.card.id for outcome in reading.decision.outcomes if outcome.result == "error"]
        if failed:
            raise AssertionError(f"a card raised: {failed}")
        if reading.decision.unanswerable:
            return "unanswerable"
        hooks.encode_cards(reading.decision.cards)
        return "decided"
    return "refused"


@cache
def _callers() -> tuple[Clients, ClientKeys]:
    return pinned()


def token(text: bytes) -> str:
    known, keys = _callers()
    try:
        authenticate(
            f"Bearer {text.decode('latin-1')}", AUDIENCE, bytes, known, keys,
            MemoryStore(TOKEN_NOW, lambda: 0.0), TOKEN_NOW,
        )  # fmt: skip
    except Unauthorized:
        return "refused"
    return "let in"


@cache
def _card_folder() -> Path:
    """A folder with one card to be overwritten, gone with the process."""
    import atexit

    root = Path(mkdtemp(prefix="cramp-cds-campaign-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    folder = root / "diuretics" / "diuretic-low-potassium"
    shutil.copytree(CARDS / "diuretics" / "diuretic-low-potassium", folder)
    return folder


def card(text: bytes) -> str:
    """The notation of a card, read as the library reads it."""
    folder = _card_folder()
    library = shipped()
    try:
        parse_yaml(text.decode(), "card.yaml")
        (folder / "card.yaml").write_bytes(text)
        read_card(folder, folder.parents[1], "us", tuple(library.regions), library.references)
    except (LibraryError, UnicodeDecodeError):
        return "refused"
    return "read"


ROOMS: Mapping[str, Room] = {
    "strict JSON": strict_json,
    "request": request,
    "feedback": reading_feedback,
    "chart and decision": chart,
    "token": token,
    "card": card,
}


@cache
def tokens() -> tuple[bytes, ...]:
    """Good tokens, one for each algorithm."""
    return tuple(sign(claims(), key_pair(algorithm)).encode() for algorithm in ("ES384", "RS384"))


def seeds(room: str) -> tuple[bytes, ...]:
    """What a room's inputs are made of."""
    if room == "token":
        return tokens()
    if room == "card":
        return cards()
    if room == "feedback":
        return tuple(seed.body for seed in feedback())
    return tuple(seed.body for seed in calls())
