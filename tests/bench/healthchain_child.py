"""Run by an interpreter that has healthchain: a service with one rule over dictionaries, called without a socket.

Reads lines "FILE REPEATS" and answers each with the CPU microseconds of one request. With the argument `serve PORT` it
listens instead. Imports nothing of this repository.
"""

import asyncio
import logging
import sys
import time
from pathlib import Path
from typing import Any

from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import Card, CDSRequest, CDSResponse

PATH = "/cds/cds-services/potassium"


def build() -> Any:
    """The application: the envelope checked by healthchain, one rule by us."""
    logging.disable(logging.CRITICAL)
    app, hooks = HealthChainAPI(), CDSHooksService()

    @hooks.hook("order-select", id="potassium")
    def potassium(request: CDSRequest) -> CDSResponse:
        found = latest((request.prefetch or {}).get("observations", {}).get("entry", []), "2823-3")
        if found is None or found[1] >= 3.5:
            return CDSResponse(cards=[])
        summary = f"Potassium {found[1]} on {found[0][:10]}"
        return CDSResponse(cards=[Card(summary=summary, indicator="warning", source={"label": "A source"})])

    app.register_service(hooks)
    return app


def latest(entries: list[dict[str, Any]], wanted: str) -> tuple[str, float] | None:
    """The newest result of one test."""
    found: tuple[str, float] | None = None
    for entry in entries:
        resource = entry["resource"]
        if any(coding.get("code") == wanted for coding in resource.get("code", {}).get("coding", [])):
            when = resource.get("effectiveDateTime", "")
            if found is None or when > found[0]:
                found = when, resource["valueQuantity"]["value"]
    return found


async def post(app: Any, body: bytes) -> bytes:
    """One request through the ASGI interface."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return pieces.pop(0) if pieces else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    answer = b"".join(message.get("body", b"") for message in sent)
    if sent[0]["status"] != 200:
        raise RuntimeError(f"healthchain answered {sent[0]['status']}: {answer[:300]!r}")
    return answer


async def spend(app: Any, body: bytes, repeats: int) -> float:
    """CPU microseconds of one request."""
    start = time.thread_time_ns()
    for _ in range(repeats):
        await post(app, body)
    return (time.thread_time_ns() - start) / 1000 / repeats


def main() -> None:
    """Answer the lines of standard input."""
    app, loop = build(), asyncio.new_event_loop()
    print("ready", flush=True)
    for line in sys.stdin:
        file, repeats = line.rsplit(" ", 1)
        print(loop.run_until_complete(spend(app, Path(file).read_bytes(), int(repeats))), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        import uvicorn

        uvicorn.run(build(), host="127.0.0.1", port=int(sys.argv[2]), log_level="critical", access_log=False)
    else:
        main()
