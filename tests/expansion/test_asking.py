"""Asking a terminology server: pages, editions, and everything a server may answer in place of a list of codes."""

from collections.abc import Iterator

import pytest
import requests
from werkzeug.wrappers import Response

from cds_service import expansion
from cds_service.expansion import (
    AbsurdAnswerError,
    Found,
    ServerError,
    TerminologyServer,
    ask,
    base_address,
    plain_version,
)
from cds_service.terminology.check_digits import snomed_is_valid
from tests.expansion.terminology_stub import EDITION, SNOMED, Stub, fhir, outcome, running, value_set

pytestmark = pytest.mark.loopback
ROOT, OTHER = "404684003", "138875005"


def codes(count: int) -> list[str]:
    """So many codes with a right check digit."""
    made = (f"{number}{check}" for number in range(10_000_00, 99_999_999) for check in range(10))
    valid = (code for code in made if snomed_is_valid(code))
    return [next(valid) for _ in range(count)]


@pytest.fixture
def stub(socket_enabled: None) -> Iterator[Stub]:
    with running(Stub({ROOT: codes(25)})) as found:
        yield found


def asked(stub: Stub, *roots: str, version: str = "") -> Found:
    with requests.Session() as session:
        return ask(TerminologyServer(stub.address, version, session), roots or (ROOT,), lambda _: None)


@pytest.mark.parametrize("says_total", [True, False])
@pytest.mark.parametrize("page", [7, 26, 1000])
def test_every_page_is_read(stub: Stub, page: int, says_total: bool) -> None:
    stub.page, stub.says_total = page, says_total
    assert asked(stub).descendants == {ROOT: tuple(sorted(codes(25)))}
    assert {question["url"] for question in stub.asked} == {f"{SNOMED}?fhir_vs=ecl/<<{ROOT}"}


def test_a_server_that_does_not_page(stub: Stub) -> None:
    stub.odd = lambda _: value_set([ROOT, *codes(25)], None)
    assert len(asked(stub).descendants[ROOT]) == 25


def test_a_root_without_children_is_no_fault(stub: Stub) -> None:
    stub.children = {ROOT: ()}
    assert asked(stub) == Found({ROOT: ()}, EDITION, ())


def test_the_edition_is_recorded_and_may_be_asked_for(stub: Stub) -> None:
    assert asked(stub, version=EDITION).version == EDITION
    assert stub.asked[0]["system-version"] == f"{SNOMED}|{EDITION}"
    stub.version = ""
    assert asked(stub).version == ""
    assert "system-version" not in stub.asked[-1]


def test_a_root_the_server_does_not_hold_is_named(stub: Stub) -> None:
    assert asked(stub, ROOT, OTHER).missing == (OTHER,)


def test_two_editions_do_not_belong_together(stub: Stub) -> None:
    stub.children = {}
    stub.odd = lambda request: setattr(stub, "version", f"{EDITION}{len(stub.asked)}")
    with pytest.raises(AbsurdAnswerError, match="several editions"):
        asked(stub, ROOT, OTHER)


def test_too_many_codes_are_refused_at_the_first_page(stub: Stub) -> None:
    stub.odd = lambda _: value_set([ROOT], 20_001)
    with pytest.raises(AbsurdAnswerError, match="more than 20000"):
        asked(stub)
    assert len(stub.asked) == 1


def test_too_many_codes_without_a_total(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "MOST_CODES", 20)
    stub.says_total, stub.page = False, 10
    with pytest.raises(AbsurdAnswerError, match="more than 20"):
        asked(stub)


def test_an_answer_about_something_else(stub: Stub) -> None:
    stub.odd = lambda _: value_set(codes(3), 3)
    with pytest.raises(AbsurdAnswerError, match="itself"):
        asked(stub)


WRONG = {
    "an OperationOutcome": (lambda: outcome(422, "unknown\x00 value set"), r"422: unknown.*value set"),
    "an OperationOutcome with 200": (lambda: outcome(200, "too costly"), "too costly"),
    "an error page": (lambda: Response("<html>", 503), "503: no reason given"),
    "a redirect": (lambda: Response("", 302, {"Location": "http://127.0.0.1:1/"}), "302 with a redirect"),
    "garbage": (lambda: Response("[[["), "not a JSON object"),
    "deep garbage": (lambda: Response("[" * 100_000), "not a JSON object"),
    "bytes": (lambda: Response(b"\xff\xfe"), "not a JSON object"),
    "a list": (lambda: fhir([1]), "not a JSON object"),
    "another resource": (lambda: fhir({"resourceType": "Patient"}), "no expanded ValueSet"),
    "no expansion": (lambda: fhir({"resourceType": "ValueSet"}), "no expanded ValueSet"),
    "odd members": (lambda: fhir({"resourceType": "ValueSet", "expansion": {"contains": 3}}), "no SNOMED CT code"),
    "another system": (
        lambda: fhir({"resourceType": "ValueSet", "expansion": {"contains": [{"system": "x", "code": ROOT}]}}),
        "no SNOMED CT code",
    ),
    "a wrong check digit": (lambda: value_set([ROOT, "404684004"], 2), "no SNOMED CT code"),
    "a tree": (
        lambda: fhir(
            {
                "resourceType": "ValueSet",
                "expansion": {"contains": [{"system": SNOMED, "code": ROOT, "contains": [{}]}]},
            }
        ),
        "is a tree",
    ),
    "a part": (
        lambda: value_set([ROOT], 1, extension=[{"url": "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"}]),
        "not whole",
    ),
    "an end before the total": (lambda: value_set([ROOT], 9), "stops at 1 of 9"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_list_of_codes_is_refused(stub: Stub, kind: str) -> None:
    answer, said = WRONG[kind]
    stub.odd = lambda _: answer()
    with pytest.raises(ServerError, match=said) as told:
        asked(stub)
    assert str(told.value).isprintable()


def test_a_flood_is_refused(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "_MOST_BYTES", 1000)
    stub.odd = lambda _: Response(b" " * 100_000)
    with pytest.raises(ServerError, match="longer than 1000 bytes"):
        asked(stub)


def test_nobody_there(socket_enabled: None) -> None:
    with pytest.raises(ServerError, match="cannot be reached"):
        asked(Stub({}, address="http://127.0.0.1:1/fhir"))


@pytest.mark.parametrize(
    "url", ["tx.example.org", "ftp://tx.example.org", "https://a:b@tx.example.org", "http://x/?a=b"]
)
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="--server"):
        base_address(url)


def test_the_version_may_carry_its_system() -> None:
    assert plain_version(f"{SNOMED}|{EDITION}") == plain_version(EDITION) == EDITION
    with pytest.raises(ValueError, match="--system-version"):
        plain_version("2025")
