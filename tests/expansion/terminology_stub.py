"""A small FHIR terminology server: expands `ecl/<<code` of a made-up hierarchy, page by page, and can misbehave."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

SNOMED = "http://snomed.info/sct"
EDITION = f"{SNOMED}/900000000000207008/version/20250101"
Answer = Callable[[Request], Response | None]


def fhir(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/fhir+json")


def outcome(status: int, words: str) -> Response:
    issue = {"severity": "error", "code": "invalid", "diagnostics": words}
    return fhir({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def value_set(codes: Sequence[str], total: int | None, **more: Any) -> Response:
    held = [{"system": SNOMED, "code": code, "display": "x"} for code in codes]
    expansion = {"contains": held, **({} if total is None else {"total": total}), **more}
    return fhir({"resourceType": "ValueSet", "expansion": expansion})


@dataclass
class Stub:
    """`children` maps a root to its descendants; `page` is the most the server gives at once."""

    children: Mapping[str, Sequence[str]]
    page: int = 1000
    says_total: bool = True
    version: str = EDITION
    odd: Answer = lambda _: None
    asked: list[Mapping[str, str]] = field(default_factory=list)
    address: str = ""

    def answer(self, request: Request) -> Response:
        self.asked.append(request.args.to_dict())
        if request.path != "/fhir/ValueSet/$expand":
            return outcome(404, "not found")
        found = self.odd(request)
        return found if found is not None else self.expand(request)

    def expand(self, request: Request) -> Response:
        root = request.args["url"].removeprefix(f"{SNOMED}?fhir_vs=ecl/<<")
        codes = [root, *self.children.get(root, ())] if root in self.children or not self.children else []
        start = int(request.args["offset"])
        shown = codes[start : start + min(self.page, int(request.args["count"]))]
        said = [{"name": "version", "valueUri": f"{SNOMED}|{self.version}"}] if self.version else []
        return value_set(shown, len(codes) if self.says_total else None, parameter=said)


@contextmanager
def running(stub: Stub) -> Iterator[Stub]:
    """The stub on a free port of this machine."""
    server = make_server("127.0.0.1", 0, Request.application(stub.answer), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    stub.address = f"http://127.0.0.1:{server.server_port}/fhir"
    yield stub
    server.shutdown()
    thread.join()
    server.server_close()
