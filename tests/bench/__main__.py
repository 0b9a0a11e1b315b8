"""Speed of the service against a limit and its peers: `python -m tests.bench [--quick] [--rounds N] [--servers] [--json]`.

Not a test: it fails on nothing and judges nothing. What the figures mean stands in docs/speed.md.
"""

import argparse
import gc
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from cds_service import hooks, service
from cds_service.caller import ClientOptions
from cds_service.decide import decide
from cds_service.fhir import gather, read_chart
from cds_service.knowledge.library import Library
from tests.bench import bodies, healthchain_peer, limit, memory, peers, production, servers, stages, subjects, wsgi
from tests.bench.measuring import Spent, in_one_turn, in_turns, spent
from tests.bench.report import show

Measured = dict[str, dict[str, Spent]]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SERVICE, RECORDED, LIMIT, NAIVE = "service, no record", "service, with its journal", "the limit", "naive Flask"
DECODED, FEW = "service, routing and decoding alone", "service, the six cards of the limit, no record"
VALIDATION, HEALTHCHAIN = "fhir.resources R4B, whole Bundles", f"healthchain {healthchain_peer.VERSION}"


def main() -> None:
    """Measure and print."""
    options = arguments()
    with tempfile.TemporaryDirectory(dir=options.folder) as held, ExitStack() as stack:
        folder = Path(held)
        cards = subjects.library()
        named = {size: bodies.body(size, NOW.date()) for size in bodies.SIZES}
        found = {
            "about": about(),
            "bodies": {size: [len(body), bodies.resources(json.loads(body))] for size, body in named.items()},
            "memory": memory_of(named["typical"], folder),
            "requests": without_log(requests, cards, named, folder, options, peer_or_reason(stack, options)),
            "stages": in_turns(stages.stages(cards, named["typical"], NOW, folder), options.rounds),
            "cards": cards_by_number(cards, options.rounds),
            "production": without_log(production.measured, cards, named["typical"], NOW, folder, options.rounds),
        }
        if options.servers:
            body = bodies.body("typical", datetime.now(UTC).date())
            found["servers"] = servers.measured(body, folder, 5, 200, with_peer=not options.no_healthchain)
    print(json.dumps(found, indent=2) if options.json else show(found))


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often everything is measured, in turns")
    parser.add_argument("--quick", action="store_true", help="few rounds, without the huge body")
    parser.add_argument("--servers", action="store_true", help="also over loopback, with granian")
    parser.add_argument("--no-healthchain", action="store_true", help="do not install or measure healthchain")
    parser.add_argument("--folder", default=None, help="where the journal is written (a disk, not a memory disk)")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    options = parser.parse_args()
    options.rounds = min(options.rounds, 5) if options.quick else options.rounds
    return options


def about() -> dict[str, str]:
    """Where this was measured."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"python": platform.python_version(), "processor": processor, "system": platform.platform(terse=True)}


def peer_or_reason(stack: ExitStack, options: argparse.Namespace) -> healthchain_peer.Peer | None:
    """healthchain, running; None, with a sentence on standard error, where it cannot be had."""
    if options.no_healthchain:
        return None
    try:
        return stack.enter_context(healthchain_peer.Peer())
    except healthchain_peer.Unavailable as reason:
        sys.stderr.write(f"healthchain is not measured: {reason}\n")
        return None


def memory_of(body: bytes, folder: Path) -> float:
    """Megabytes of a worker."""
    (folder / "typical.json").write_bytes(body)
    return memory.worker_megabytes(folder / "typical.json", folder / "worker")


def without_log(measure: Callable[..., Measured], *given: object) -> Measured:
    """Measure with the log going where nobody reads it, at the price of writing it."""
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        return measure(*given)


def requests(
    cards: Library,
    named: dict[str, bytes],
    folder: Path,
    options: argparse.Namespace,
    peer: healthchain_peer.Peer | None,
) -> Measured:
    """CPU per request for each body and each subject."""
    plain = wsgi.caller(subjects.application(cards, NOW, folder / "plain", subjects.unrecorded))
    recorded = wsgi.caller(subjects.application(cards, NOW, folder / "recorded", service.respond))
    few = wsgi.caller(subjects.application(subjects.few(cards), NOW, folder / "few", subjects.unrecorded))
    decoded = wsgi.caller(subjects.application(cards, NOW, folder / "decoded", subjects.decoded_only))
    naive, validate = wsgi.caller(peers.naive_flask(NOW.date())), peers.bundle_validation()
    gc.collect()
    gc.freeze()
    subjects_: dict[str, Callable[[bytes], object]] = {
        DECODED: decoded,
        FEW: few,
        SERVICE: plain,
        RECORDED: recorded,
        LIMIT: lambda body: limit.answer(body, NOW.date()),
        NAIVE: naive,
    }
    found: dict[str, dict[str, Spent]] = {}
    for size, body in named.items():
        if size == "huge" and options.quick:
            continue
        rounds = max(3, options.rounds // (5 if size == "huge" else 1))
        work = {name: (lambda each=each, body=body: each(body)) for name, each in subjects_.items()}
        (folder / "body.json").write_bytes(body)
        if size in ("small", "typical"):
            work[VALIDATION] = lambda body=body: validate(body)
        found[size] = beside(work, peer, folder / "body.json", rounds)
    return found


def beside(
    work: dict[str, Callable[[], object]], peer: healthchain_peer.Peer | None, file: Path, rounds: int
) -> dict[str, Spent]:
    """The work in turns, healthchain's child taking its turn in every round."""
    if peer is None:
        return in_turns(work, rounds)
    told: list[float] = []
    repeats = in_one_turn(peer.spend(file, 3))
    found = in_turns(work, rounds, after=lambda: told.append(peer.spend(file, repeats)))
    return {**found, HEALTHCHAIN: spent(told)}


def cards_by_number(cards: Library, rounds: int) -> dict[str, Spent]:
    """CPU of `decide` alone with ever more cards, on a chart for which the most of them stay quiet."""
    request = hooks.read_request(bodies.quiet_body(NOW.date()), "order-select")
    chart = read_chart(request, gather(request, cards.needs("order-select")), cards.terms, NOW)
    options = ClientOptions(shows_drafts=True)
    all_cards = [card for card in cards.regions[options.region] if "order-select" in card.hooks]
    work = {}
    for number in range(len(all_cards) + 1):
        some = replace(cards, regions={options.region: tuple(all_cards[:number])})
        work[str(number)] = lambda some=some: decide(chart, some, options, "order-select", UUID(int=1))
    return in_turns(work, rounds)


if __name__ == "__main__":
    main()
