"""Fetching key sets: nothing from the environment, nothing followed, nothing large."""

import gzip
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import cds_service.trust
from cds_service.trust import fetching
from cds_service.trust.fetching import MOST_BYTES, NotFetched, fetch
from tests.trust.servers import endpoint, sends

pytestmark = pytest.mark.loopback


def test_json_and_its_date() -> None:
    with endpoint(sends(b'{"keys": []}')) as site:
        fetched = fetch(site.url, None, plain_http=True)
        assert fetched.value == {"keys": []}
        assert fetched.said is not None
        assert abs(fetched.said.timestamp() - time.time()) < 60
        assert site.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (sends(b"", 302, Location="/elsewhere"), "the answer is 302"),
        (sends(b"{}", 500), "the answer is 500"),
        (sends(b"{}", 204), "the answer is 204"),
        (sends(b"<html>"), "is not JSON"),
        (sends(b"\xff\xfe"), "is not JSON"),
        (sends(b"[" * 100_000), "is not JSON"),
        (sends(gzip.compress(b"{}"), Content_Encoding="gzip"), "compressed"),
        (sends(b" " * (MOST_BYTES + 1)), "longer than"),
        (lambda call: call.connection.close(), "cannot be reached"),
    ],
)
def test_other_answers_are_refused(answer: Callable[[BaseHTTPRequestHandler], None], said: str) -> None:
    with endpoint(answer) as site:
        with pytest.raises(NotFetched, match=said):
            fetch(site.url, None, plain_http=True)
        assert len(site.asked) == 1


def test_a_drip_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_WHOLE_SECONDS", 0.5)
    monkeypatch.setattr(fetching, "_PIECE", 1)

    def drip(call: BaseHTTPRequestHandler) -> None:
        call.send_response(200)
        call.end_headers()
        for _ in range(30):
            call.wfile.write(b" ")
            time.sleep(0.1)

    with endpoint(drip) as site, pytest.raises(NotFetched, match="too long"):
        fetch(site.url, None, plain_http=True)


def test_plain_http_is_for_the_sandbox() -> None:
    with endpoint(sends(b"{}")) as site:
        with pytest.raises(NotFetched, match="not https"):
            fetch(site.url, None, plain_http=False)
        for address in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
            with pytest.raises(NotFetched, match="not https"):
                fetch(address, None, plain_http=True)
        assert site.asked == []


def test_proxies_and_passwords_of_the_environment_do_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with endpoint(sends(b"{}")) as site, endpoint(sends(b"{}")) as canary:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, canary.url)
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        fetch(site.url, None, plain_http=True)
        assert canary.asked == []
        assert "Authorization" not in site.headers[0]


def test_only_this_module_of_the_room_makes_calls() -> None:
    room = Path(cds_service.trust.__file__).parent
    callers = {
        path.name
        for path in room.glob("*.py")
        if "import requests" in path.read_text() or "urllib.request" in path.read_text()
    }
    assert callers == {"fetching.py"}
