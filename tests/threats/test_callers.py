"""Threats 1 to 5 and 26, from outside: whoever cannot prove who calls gets one and the same answer."""

import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cds_service.trust.minting import key_set
from tests.threats.running import FEEDBACK, SIGN, VIEW, Running, person, running
from tests.trust.issuing import BASE, ISSUER, claims, key_pair, segment, sign
from tests.trust.servers import endpoint, sends

pytestmark = pytest.mark.loopback

ES, RS = key_pair("ES384"), key_pair("RS384")
CALL = person("bela")
METADATA = "http://169.254.169.254/latest/meta-data/"


def said(**changes: object) -> dict[str, Any]:
    now = int(time.time())
    return claims(**{"aud": BASE + SIGN, "iat": now, "exp": now + 300, "jti": f"j{time.monotonic_ns()}", **changes})


def unsigned(algorithm: str, signature: bytes = b"") -> str:
    tail = urlsafe_b64encode(signature).rstrip(b"=").decode()
    return f"{segment({'alg': algorithm, 'kid': RS['kid'], 'typ': 'JWT'})}.{segment(said())}.{tail}"


def symmetric(number: int) -> str:
    """Signed with the public key as if it were a secret."""
    public = jwt.PyJWK(RS).key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hashing = jwt.algorithms.HMACAlgorithm(getattr(jwt.algorithms.HMACAlgorithm, f"SHA{number}"))
    head = f"{segment({'alg': f'HS{number}', 'kid': RS['kid'], 'typ': 'JWT'})}.{segment(said())}"
    return f"{head}.{urlsafe_b64encode(hashing.sign(head.encode(), public)).rstrip(b'=').decode()}"


def forged(canary: str) -> Iterator[tuple[str, str]]:
    """What is wrong, and the value of the Authorization header."""
    now, stranger = int(time.time()), key_pair("ES384", 1)
    yield from ((algorithm, f"Bearer {unsigned(algorithm)}") for algorithm in ("none", "None", "NONE"))
    yield from (
        (f"{algorithm} without a key", f"Bearer {unsigned(algorithm, b'x' * 96)}")
        for algorithm in ("none", "ES384", "RS384")
    )
    yield from ((f"HS{number} with the public key", f"Bearer {symmetric(number)}") for number in (256, 384, 512))
    for key, other in ((ES, stranger), (RS, key_pair("RS384", 1))):
        algorithm = key["alg"]
        yield f"{algorithm}, another key", f"Bearer {sign(said(), other, {'kid': key['kid']})}"
        yield f"{algorithm}, unknown kid", f"Bearer {sign(said(), other)}"
        for name in ("iss", "aud", "exp", "iat", "jti"):
            yield f"{algorithm} without {name}", f"Bearer {sign(said(**{name: None}), key)}"
        for changes in (
            {"iss": "https://evil.example.org"}, {"iss": ISSUER + "/"}, {"tenant": 7},
            {"aud": BASE}, {"aud": BASE + VIEW}, {"aud": BASE + SIGN + "/"}, {"aud": []}, {"aud": {"a": BASE + SIGN}},
            {"exp": now - 61}, {"exp": now + 90_000}, {"exp": "later"}, {"exp": True}, {"exp": 10**30}, {"exp": -1},
            {"iat": now + 120, "exp": now + 200}, {"iat": None}, {"nbf": now + 120}, {"nbf": "x"},
            {"jti": ""}, {"jti": 7}, {"jti": ["x"]},
        ):  # fmt: skip
            yield f"{algorithm} {changes}", f"Bearer {sign(said(**changes), key)}"
        carried = key_set(stranger)["keys"][0]
        for header in (
            {"crit": ["exp"]}, {"jwk": carried}, {"x5u": canary}, {"x5c": ["MIIB"]}, {"kid": None}, {"typ": "at+jwt"},
            {"jku": canary}, {"jku": METADATA}, {"jku": canary, "kid": stranger["kid"]},
        ):  # fmt: skip
            yield f"{algorithm} with {header}", f"Bearer {sign(said(), key, header)}"
        yield (
            f"{algorithm}, own jwk",
            f"Bearer {sign(said(), other, {'kid': key['kid'], 'jwk': key_set(other)['keys'][0]})}",
        )
    yield "the key of another algorithm", f"Bearer {sign(said(), ES, {'kid': RS['kid']})}"
    yield "RS256, not agreed", f"Bearer {sign(said(), RS, algorithm='RS256')}"
    yield "PS384, not agreed", f"Bearer {sign(said(), RS, algorithm='PS384')}"
    good = sign(said(), ES)
    for header in (
        "", "Bearer", "Basic dXNlcjpwYXNz", "Bearer x", f"Bearer {good}=", f"Bearer {good}, {good}",
        f"Bearer {good[:-1]}", f"Bearer {good.replace('.', '..')}", "Bearer " + "a" * 17_000, "Bearer a.b.c",
    ):  # fmt: skip
        yield f"the header {header[:20]}", header


def test_every_forged_token_gets_one_and_the_same_answer(service: Running) -> None:
    with endpoint(sends(b"{}")) as canary:
        before = len(service.records())
        bodies, headers, let_in, tried = set(), set(), [], 0
        for name, authorization in forged(canary.url + "/jwks.json"):
            told = service.ask(SIGN, CALL, [("Authorization", authorization)])
            tried += 1
            if told.status != 401:
                let_in.append((name, told.status))
                continue
            bodies.add(told.body)
            headers.add(tuple(told.headers.get(one) for one in ("www-authenticate", "cache-control", "content-type")))
        for path in (VIEW, FEEDBACK):
            bodies.add(service.ask(path, b"{", token=None).body)
        assert let_in == []
        assert tried > 90
        assert len(bodies) == len(headers) == 1
        assert canary.asked == []
    assert len(service.records()) == before
    assert service.ask(SIGN, CALL, [("Authorization", f"Bearer {sign(said(), RS)}")]).status == 200


def test_a_token_that_was_used_is_worth_nothing(service: Running) -> None:
    token = service.token()
    assert [service.ask(SIGN, CALL, token=token).status for _ in range(3)] == [200, 401, 401]
    again = service.token(jti=jwt.decode(token, options={"verify_signature": False})["jti"])
    assert service.ask(SIGN, CALL, token=again).status == 401


def test_many_unknown_kids_and_foreign_key_addresses_are_never_looked_up(service: Running) -> None:
    with endpoint(sends(b"{}")) as canary:
        for number in range(100):
            header = {"kid": f"unknown {number}", **({"jku": canary.url} if number % 2 else {})}
            assert service.ask(SIGN, CALL, token=sign(said(), ES, header)).status == 401
        time.sleep(0.5)
        assert canary.asked == []


def test_the_environment_neither_sees_nor_changes_the_token_of_the_ehr(tmp_path: Path) -> None:
    """Proxies and a netrc file are set; the FHIR server gets the caller's own token, directly."""
    held = {"resourceType": "Bundle", "type": "searchset"}
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\n")
    netrc.chmod(0o600)
    with (
        endpoint(sends(str(held).replace("'", '"').encode(), Content_Type="application/fhir+json")) as ehr,
        endpoint(sends(b"")) as canary,
    ):
        proxies = {f"{scheme}_PROXY": canary.url for scheme in ("HTTP", "HTTPS", "ALL")}
        environ = {
            **proxies,
            **{name.lower(): url for name, url in proxies.items()},
            "NETRC": str(netrc),
            "NO_PROXY": "",
            "no_proxy": "",
        }
        base = ehr.url + "/fhir"
        with running(tmp_path, CDS_PROFILE="sandbox", CDS_FHIR_ALLOWED_SERVERS=base, **environ) as service:
            access = {
                "access_token": "token-of-the-ehr",
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": "x",
                "subject": "y",
            }
            call = {**CALL, "prefetch": {}, "fhirServer": base, "fhirAuthorization": access}
            assert service.ask(SIGN, call, token=None).status == 200
        assert canary.asked == []
        assert ehr.asked
        assert {headers.get("Authorization") for headers in ehr.headers} == {"Bearer token-of-the-ehr"}
