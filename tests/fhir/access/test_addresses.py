"""Where we may be sent: only to the base agreed upon, however its address or a link is written."""

import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from cds_service.caller import FhirBase
from cds_service.fhir.bases import Base, below, may_connect, permission, read_base
from tests.fhir.access.fhir_servers import TOKEN, answer, fetched, never, served
from tests.fhir.fhir_samples import condition, order, prefetch, searchset

loopback = pytest.mark.loopback
WITHOUT = prefetch(conditions=...)
PROBLEMS = json.dumps(searchset(condition())).encode()
EVERYTHING_ABSENT: dict[str, Any] = {}

# {good}: host and port of the server agreed upon; {canary}: of the one that nobody may knock at; {port}: its port.
TRICKS = (
    "http://{canary}/fhir",
    "http://{good}@{canary}/fhir",
    "http://user:secret@{good}/fhir",
    "http://{good}:80@{canary}/fhir",
    "http://{canary}\\@{good}/fhir",
    "http://{good}\\@{canary}/fhir",
    "http://{canary}#@{good}/fhir",
    "http://{canary}?@{good}/fhir",
    "http://{good}/fhir#fragment",
    "http://{good}/fhir?x=1",
    "http://{good}/fhir;x=1",
    "http://{good}/fhir/../admin",
    "http://{good}/fhir/./x/..",
    "http://{good}/fhir/%2e%2e/admin",
    "http://{good}/fhir%2f",
    "http://{good}/fhir%2F..%2Fadmin",
    "http://{good}/fhir%00",
    "http://{good}/FHIR",
    "http://{good}/fhirx",
    "http://{good}//fhir",
    "http://{good}/fhir//",
    "http://{good}\\fhir",
    "http:\\\\{good}\\fhir",
    "http:/{canary}/fhir",
    "http:{canary}/fhir",
    "http:///{canary}/fhir",
    "//{canary}/fhir",
    "https://{good}/fhir",
    "ftp://{canary}/fhir",
    "file:///etc/passwd",
    "gopher://{canary}/_GET",
    "http://127.1:{port}/fhir",
    "http://2130706433:{port}/fhir",
    "http://0x7f000001:{port}/fhir",
    "http://0x7f.0.0.1:{port}/fhir",
    "http://0177.0.0.1:{port}/fhir",
    "http://017700000001:{port}/fhir",
    "http://127.0.0.1.:{port}/fhir",
    "http://localhost:{port}/fhir",
    "http://LOCALHOST.:{port}/fhir",
    "http://[::ffff:127.0.0.1]:{port}/fhir",
    "http://[::ffff:7f00:1]:{port}/fhir",
    "http://[::1]:{port}/fhir",
    "http://[0:0:0:0:0:0:0:1]:{port}/fhir",
    "http://[::1%25lo]:{port}/fhir",
    "http://0.0.0.0:{port}/fhir",
    "http://0:{port}/fhir",
    "http://%31%32%37.0.0.1:{port}/fhir",
    "http://１２７.0.0.1:{port}/fhir",
    "http://①②⑦.0.0.1:{port}/fhir",
    "http://127。0。0。1:{port}/fhir",
    "http://ehr.exаmple.org:{port}/fhir",
    "http://127.0.0.1:+{port}/fhir",
    "http://127.0.0.1:0{port}0/fhir",
    "http://127.0.0.1: {port}/fhir",
    "http://127.0.0.1:٨٠/fhir",
    "http://{good}\r\nHost: {canary}/fhir",
    "http://{good}/fhir\r\nX-Evil: 1",
    "http://{good}/fhir\tx",
    "\thttp://{canary}/fhir",
    "http://{good}/fhir\u0000",
    "http://{good}/fh\u200bir",
    "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/latest",
    "http://metadata.google.internal/fhir",
    "http://" + "a" * 10_000 + "/fhir",
    "",
)


def good(connection: socket.socket, _: str) -> None:
    answer(connection, PROBLEMS)


@loopback
@pytest.mark.parametrize("trick", TRICKS, ids=[f"{place}" for place in range(len(TRICKS))])
def test_an_address_written_to_deceive_is_not_asked(trick: str) -> None:
    with served(never) as canary, served(never) as agreed:
        named = trick
        for place, server in (("{good}", agreed), ("{canary}", canary)):
            named = named.replace(place, f"127.0.0.1:{server.port}")
        found = fetched(agreed.base, EVERYTHING_ABSENT, named=named.replace("{port}", str(canary.port)))

    assert canary.contacts == agreed.contacts == 0
    assert found.prefetch == dict.fromkeys(found.prefetch, "absent")
    assert {gap.reason for gap in found.gaps} == {"not-delivered"}


@loopback
@pytest.mark.parametrize("form", ["http://{}/fhir", "http://{}/fhir/", "HTTP://{}/fhir"])
def test_harmless_ways_to_write_the_same_base(form: str) -> None:
    with served(good) as agreed:
        found = fetched(agreed.base, WITHOUT, named=form.format(f"127.0.0.1:{agreed.port}"))
    assert found.prefetch["conditions"] == "fetched/ok"
    assert agreed.asked == ["/fhir/Condition?patient=p1&_count=200"]


@loopback
@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nothing_is_asked(token: str | None) -> None:
    with served(never) as agreed:
        fetched(agreed.base, WITHOUT, token=token or None)
    assert agreed.contacts == 0


@loopback
def test_plain_http_and_private_addresses_only_where_agreed() -> None:
    with served(never) as agreed:
        plain = fetched(agreed.base, WITHOUT, agreed=FhirBase(agreed.base, private=True))
        public = fetched(agreed.base, WITHOUT, agreed=FhirBase(agreed.base, plain_http=True))
    assert agreed.contacts == 0
    assert [gap.reason for gap in plain.gaps] == ["not-delivered"]
    assert [gap.reason for gap in public.gaps] == ["fetch-blocked"]


@loopback
@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["10.0.0.7"]],
)
def test_a_name_that_leads_inside_is_not_followed(addresses: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: what the name means is looked at when the socket is opened, and no address is tried before."""
    with served(never) as canary:
        base = f"http://ehr.example.org:{canary.port}/fhir"
        places = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in addresses]
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda *_, **__: [(family, socket.SOCK_STREAM, 6, "", (one, canary.port)) for family, one in places],
        )
        found = fetched(base, WITHOUT, agreed=FhirBase(base, plain_http=True))
    assert canary.contacts == 0
    assert [gap.reason for gap in found.gaps] == ["fetch-blocked"]


@loopback
@pytest.mark.parametrize(
    "location", ["http://{canary}/fhir", "//{canary}/", "/fhir/Condition?again", "http://{good}/x"]
)
@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308", "300"])
def test_no_redirect_is_followed(status: str, location: str) -> None:
    with served(never) as canary, served(good) as agreed:
        to = location.replace("{canary}", f"127.0.0.1:{canary.port}").replace("{good}", f"127.0.0.1:{agreed.port}")
        agreed.serve = lambda connection, _: answer(connection, b"", f"{status} Elsewhere", f"Location: {to}")
        found = fetched(agreed.base, WITHOUT)
    assert canary.contacts == 0
    assert len(agreed.asked) == 1
    assert [gap.reason for gap in found.gaps] == ["fetch-redirect"]


LINKS = (
    "http://{canary}/fhir?page=2",
    "//{canary}/fhir?page=2",
    "http://{good}@{canary}/fhir?page=2",
    "http://{good}/other?page=2",
    "http://{good}/fhir/../other?page=2",
    "http://{good}/fhir/%2e%2e/other?page=2",
    "http://{good}/fhirx?page=2",
    "http://{good}/?page=2",
    "/other?page=2",
    "../other?page=2",
    "Condition/../../other?page=2",
    "http://{good}/fhir?page=2#x",
    "http://{good}/fhir?page=2\r\nX-Evil: 1",
    "http://{good}/fhir\\..\\other",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "",
    7,
    None,
    {"url": "http://{canary}/"},
)


@loopback
@pytest.mark.parametrize("link", LINKS, ids=str)
@pytest.mark.parametrize("sent", [True, False], ids=["in prefetch", "in an answer"])
def test_a_next_link_that_leads_elsewhere_is_not_followed(link: object, sent: bool) -> None:
    with served(never) as canary, served(good) as agreed:
        if isinstance(link, str):
            link = link.replace("{canary}", f"127.0.0.1:{canary.port}").replace("{good}", f"127.0.0.1:{agreed.port}")
        page = searchset(condition(), link=[{"relation": "next", "url": link}])
        agreed.serve = lambda connection, _: answer(connection, json.dumps(page).encode())
        found = fetched(agreed.base, prefetch(conditions=page if sent else ...))
    assert canary.contacts == 0
    assert len(agreed.asked) == (0 if sent else 1)
    assert found.states["conditions"] == "partial"
    assert found.prefetch["conditions"] == ("partial" if sent else "fetched/partial")
    assert [gap.reason for gap in found.gaps] == ["fetch-blocked"]
    assert len(found.resources["conditions"]) == 1


@loopback
@pytest.mark.parametrize(
    "reference",
    [
        "http://{canary}/fhir/Medication/m1",
        "https://ehr.example.org/Medication/m1",
        "Medication/../Patient/p2",
        "Medication/..",
        "Medication/m1?x=1",
        "Medication/m1/$everything",
        "Medication/m1\r\nX-Evil: 1",
        "Medication/%2e%2e",
        "Patient/p2",
        "//{canary}/Medication/m1",
    ],
)
def test_a_reference_that_is_no_medication_below_the_base_is_not_read(reference: str) -> None:
    with served(never) as canary, served(never) as agreed:
        pointer = {"reference": reference.replace("{canary}", f"127.0.0.1:{canary.port}")}
        nameless = order(medicationReference=pointer)
        del nameless["medicationCodeableConcept"]
        fetched(agreed.base, prefetch(medications=searchset(nameless)))
    assert canary.contacts == agreed.contacts == 0


@loopback
@pytest.mark.parametrize(
    "patient_id", ["..", ".", "a/../../x", "p1?x=1", "p1#x", "p1\r\nX: 1", "p1,p2", "p%2e", "ä", "p1&_count=9"]
)
def test_an_id_that_could_be_more_than_an_id_is_not_asked_for(patient_id: str) -> None:
    with served(never) as agreed:
        found = fetched(agreed.base, EVERYTHING_ABSENT, patient_id=patient_id)
    assert agreed.contacts == 0
    assert {gap.reason for gap in found.gaps} == {"fetch-impossible"}


@loopback
def test_nothing_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\n")
    netrc.chmod(0o600)
    with served(never) as canary, served(good) as agreed:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{canary.port}")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        fetched(agreed.base, WITHOUT)
    assert canary.contacts == 0
    assert f"Authorization: Bearer {TOKEN}\r\n" in agreed.heads[0]


@loopback
def test_cookies_are_not_kept_and_only_get_is_used() -> None:
    def with_cookie(connection: socket.socket, _: str) -> None:
        answer(connection, PROBLEMS, "200 OK", "Set-Cookie: session=1; Path=/")

    with served(with_cookie) as agreed:
        for _ in range(2):
            fetched(agreed.base, WITHOUT)
    assert len(agreed.heads) == 2
    for head in agreed.heads:
        assert head.startswith("GET /fhir/Condition?patient=p1&_count=200 HTTP/1.1\r\n")
        assert "cookie" not in head.lower()
        assert "Accept-Encoding: identity\r\n" in head


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("8.8.8.8", True, True),
        ("2001:4860:4860::8888", True, True),
        ("10.1.2.3", False, True),
        ("192.168.1.1", False, True),
        ("100.64.1.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("::127.0.0.1", False, True),
        ("fd12::1", False, True),
        ("::ffff:10.0.0.1", False, True),
        ("2002:7f00:1::", False, True),
        ("64:ff9b::7f00:1", False, True),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("fe80::1%eth0", False, False),
        ("fd00:ec2::254", False, False),
        ("fd20:ce::254", False, False),
        ("fd00:c1::a9fe:a9fe", False, False),
        ("fd00:42::42", False, False),
        ("100.100.100.200", False, False),
        ("168.63.129.16", False, False),
        ("::ffff:168.63.129.16", False, False),
        ("192.0.0.192", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
        ("nonsense", False, False),
    ],
)
def test_addresses_of_sockets(address: str, public: bool, private: bool) -> None:
    assert may_connect(address, private=False) is public
    assert may_connect(address, private=True) is private


BASE = Base("https", "ehr.example.org", 443, "/r4")
FORMS = st.one_of(
    st.text(),
    st.text(alphabet="htps:/\\@#?.%2eEfF5c;ehr.example.org/r4:4430 \t\r\n[]", max_size=60),
    st.builds("https://ehr.example.org{}/r4{}".format, st.text(max_size=8), st.text(max_size=12)),
)


@given(FORMS)
def test_a_link_below_the_base_stays_there(link: str) -> None:
    found = below(link, BASE)
    assert found is None or (
        found.startswith("https://ehr.example.org/r4")
        and found[26:27] in ("", "/", "?")
        and found.isascii()
        and not set(found) & set("\\@#\r\n\t ") - ({"@"} if "@" in found.partition("r4")[2] else set())
        and "/../" not in found.partition("?")[0] + "/"
    )


@given(FORMS)
def test_a_base_is_the_one_agreed_upon_or_none(server: str) -> None:
    found = permission(server, [FhirBase("https://ehr.example.org/r4")])
    assert found is None or (found.base == BASE and server.lower().startswith("https://ehr.example.org"))


@loopback
@pytest.mark.parametrize("raised", [RuntimeError, OSError, UnicodeError, requests.exceptions.InvalidHeader, KeyError])
def test_what_is_raised_while_asking_says_nothing_of_token_or_patient(
    raised: type[Exception], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object, prepared: requests.PreparedRequest, **_: object) -> None:
        raise raised(f"{prepared.url} {prepared.headers}")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(requests.Session, "send", fail)
    with served(never) as agreed:
        found = fetched(agreed.base, WITHOUT)
    assert [gap.reason for gap in found.gaps] == ["fetch-failed"]
    for secret in (TOKEN, "patient=p1"):
        assert secret not in f"{found}{caplog.text}"


def test_the_normal_form() -> None:
    assert read_base("HTTPS://EHR.Example.org:443/R4/") == Base("https", "ehr.example.org", 443, "/R4")
    assert read_base("https://ehr.example.org") == Base("https", "ehr.example.org", 443, "")
    assert (read_base("https://[2001:db8::1]:8443/x") or BASE).url == "https://[2001:db8::1]:8443/x"


def peer(address: str) -> Any:
    class Connected:
        def getpeername(self) -> tuple[str, int]:
            return address, 443

    return Connected()


def test_the_peer_of_a_connected_socket_is_looked_at_too() -> None:
    from cds_service.fhir.access import Access, Inquiry

    access = permission("https://ehr.example.org/r4", [FhirBase("https://ehr.example.org/r4")])
    assert access is not None
    inquiry = Inquiry(Access(access, "t", 0.0), access.base.url)
    inquiry.hold(peer("93.184.216.34"))
    for inside in ("127.0.0.1", "169.254.169.254", "10.0.0.1"):
        with pytest.raises(Exception, match="fetch-blocked"):
            inquiry.hold(peer(inside))


@pytest.mark.parametrize("hidden", ["%2e%2e", ".%2E", "%2f", "a%2Fb", "%5c", "%252e%252e", "%00", "%0d%0a"])
def test_what_percent_signs_hide_is_refused(hidden: str) -> None:
    assert below(f"https://ehr.example.org/r4/{hidden}/x", BASE) is None
    assert read_base(f"https://ehr.example.org/r4/{hidden}") is None
