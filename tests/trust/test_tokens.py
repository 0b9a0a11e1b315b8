"""The rules for tokens: each fault refused, alike; nothing mutated accepted; nothing fetched because of a token."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.trust.keys import read_keys
from cds_service.trust.minting import key_set
from cds_service.trust.refusals import Unauthorized
from cds_service.trust.replay import MemoryStore
from cds_service.trust.tokens import LONGEST_TOKEN, authenticate
from tests.trust.issuing import AUDIENCE, BASE, NOW, claims, client, good, key_pair, pinned, segment, sign
from tests.trust.mutants import mutants

ES, RS = key_pair("ES384"), key_pair("RS384")


def knock(
    headers: Sequence[tuple[str, str]] | str, *clients: Any, audience: str = AUDIENCE, now: float = NOW,
    replay: MemoryStore | None = None, body: bytes = b"",
) -> str:  # fmt: skip
    """The name of the client let in, or the reason of the refusal after a blank."""
    known, keys = pinned(*clients)
    store = replay or MemoryStore(NOW - 3600, lambda: 0.0)
    try:
        return authenticate(headers, audience, lambda: body, known, keys, store, now)[0].name
    except Unauthorized as refused:
        return f" {refused.reason}"


@pytest.mark.parametrize("key", [ES, RS], ids=["ES384", "RS384"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["https://else.example.org", AUDIENCE]},
        {"jti": "x" * 128},
        {"nbf": NOW + 59},
        {"nbf": NOW - 300, "sub": "somebody"},
        {"iat": NOW + 59, "exp": NOW + 300},
        {"iat": NOW - 300, "exp": NOW - 59},
        {"exp": NOW + 3600},
        {"iat": NOW + 0.5, "exp": NOW + 300.5},
        {"tenant": "any"},
    ],
    ids=str,
)
def test_good_tokens_are_let_in(key: dict[str, Any], changes: dict[str, Any]) -> None:
    assert knock("Bearer " + sign(claims(**changes), key)) == "ehr"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *[({name: None}, name) for name in ("aud", "exp", "iat", "jti")],
        ({"iss": None}, "issuer"),
        ({"iss": "https://evil.example.org"}, "issuer"),
        ({"iss": "https://ehr.example.org/"}, "issuer"),
        ({"tenant": 7}, "issuer"),
        ({"exp": NOW - 60, "iat": NOW - 300}, "exp"),
        ({"exp": NOW + 3601}, "exp"),
        ({"exp": NOW, "iat": NOW}, "exp"),
        ({"iat": NOW + 61, "exp": NOW + 300}, "iat"),
        ({"nbf": NOW + 61}, "nbf"),
        ({"aud": BASE}, "aud"),
        ({"aud": AUDIENCE + "/"}, "aud"),
        ({"aud": AUDIENCE + "/feedback"}, "aud"),
        ({"aud": ["https://else.example.org"]}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": {"aud": AUDIENCE}}, "aud"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": ["one"]}, "jti"),
        ({"iat": True}, "iat"),
        ({"iat": -5}, "iat"),
        ({"exp": 10**30}, "exp"),
        ({"nbf": {}}, "nbf"),
    ],
    ids=str,
)
def test_claims_that_are_missing_or_wrong(changes: dict[str, Any], reason: str) -> None:
    assert knock("Bearer " + sign(claims(**changes), ES)) == f" {reason}"


def raw(said: str, key: dict[str, Any] = ES) -> str:
    """A signed token whose payload is this text, JSON or not."""
    header = {"kid": key["kid"]}
    return "Bearer " + jwt.api_jws.encode(said.encode(), jwt.PyJWK(key).key, algorithm=key["alg"], headers=header)


@pytest.mark.parametrize(
    "said",
    [
        json.dumps(claims()).replace(str(NOW + 300), "1e999"),
        json.dumps(claims()).replace(str(NOW + 300), "NaN"),
        json.dumps(claims()).replace(str(NOW + 300), '"1790000300"'),
        json.dumps(claims()).replace('"one"', r'"\ud800"'),
        "[]", "null", "7", '"x"', "", "{", "[" * 5000, '{"iss": "\u00e9"', "\ufeff{}",
    ],
)  # fmt: skip
def test_payloads_that_are_no_claims(said: str) -> None:
    assert knock(raw(said)).startswith(" ")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"crit": ["exp"]}, "form"),
        ({"crit": []}, "form"),
        ({"crit": None, "b64": False}, "form"),
        ({"jwk": key_set(key_pair("ES384", 1))["keys"][0]}, "header"),
        ({"x5u": "https://evil.example.org/cert"}, "header"),
        ({"x5c": ["MIIB"]}, "header"),
        ({"kid": None}, "kid"),
        ({"kid": "another"}, "key"),
        ({"kid": RS["kid"]}, "alg"),
        ({"jku": "https://evil.example.org/jwks.json"}, "jku"),
        ({"jku": 7}, "jku"),
        ({"typ": "at+jwt"}, "header"),
    ],
    ids=str,
)
def test_headers_that_are_missing_or_wrong(header: dict[str, Any], reason: str) -> None:
    if "b64" in header:
        token = f"{segment({'alg': 'ES384', 'kid': ES['kid'], 'b64': False})}.{segment(claims())}.AAAA"
    elif header.get("crit") == []:
        token = f"{segment({'alg': 'ES384', 'kid': 7, 'crit': []})}.{segment(claims())}.AAAA"
    else:
        token = sign(claims(), ES, header)
    assert knock(f"Bearer {token}") == f" {reason}"


def test_the_jku_agreed_upon_may_stand_in_the_header() -> None:
    held = client(jku="https://ehr.example.org/jwks.json")
    known, keys = pinned(held)
    fetched = keys.fetched["https://ehr.example.org/jwks.json"]
    fetched.keys, fetched.read_at = read_keys(key_set(ES))[0], 0.0
    token = sign(claims(), ES, {"jku": "https://ehr.example.org/jwks.json"})
    store = MemoryStore(NOW, lambda: 0.0)
    assert authenticate(f"Bearer {token}", AUDIENCE, bytes, known, keys, store, NOW)[0] is held


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "HS384", "HS512"])
def test_unsigned_and_symmetric_tokens(algorithm: str) -> None:
    public = jwt.PyJWK(RS).key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = segment({"alg": algorithm, "kid": RS["kid"], "typ": "JWT"})
    if algorithm.startswith("HS"):
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        made = urlsafe_b64encode(signature.sign(f"{head}.{segment(claims())}".encode(), public)).rstrip(b"=").decode()
        assert knock(f"Bearer {head}.{segment(claims())}.{made}") == " alg"
    assert knock(f"Bearer {head}.{segment(claims())}.") == " form"
    assert knock(f"Bearer {head}.{segment(claims())}.AAAA") == " alg"


def test_another_key_under_a_known_kid() -> None:
    for algorithm, known in (("ES384", ES), ("RS384", RS)):
        assert knock("Bearer " + sign(claims(), key_pair(algorithm, 1), {"kid": known["kid"]})) == " signature"


def test_the_key_of_another_issuer() -> None:
    other = client(name="other", issuer="https://other.example.org", pinned=read_keys(key_set(key_pair("ES384", 1)))[0])
    token = sign(claims(), key_pair("ES384", 1))
    assert knock(f"Bearer {token}", client(), other) == " key"
    same_kid = sign(claims(), key_pair("ES384", 1), {"kid": ES["kid"]})
    assert knock(f"Bearer {same_kid}", client(), other) == " signature"


def test_an_algorithm_must_be_the_keys_and_the_clients() -> None:
    unsaid = {name: value for name, value in RS.items() if name != "alg"}
    any_rsa = read_keys({"keys": [key_set(unsaid)["keys"][0]]})[0]
    assert knock("Bearer " + sign(claims(), RS, algorithm="RS256")) == " alg"
    assert knock("Bearer " + sign(claims(), RS, algorithm="RS256"), client(algorithms=("RS256",))) == " alg"
    for algorithm in ("RS256", "RS384", "PS384"):
        token = "Bearer " + sign(claims(), RS, algorithm=algorithm)
        assert knock(token, client(algorithms=("RS256", "RS384", "PS384"), pinned=any_rsa)) == "ehr"
        assert knock(token, client(algorithms=("ES384",), pinned=any_rsa)) == " alg"


def test_tenants() -> None:
    north, south = client(name="north", tenant="n"), client(name="south", tenant="s")
    every = client(name="every")
    for tenant, found in (("n", "north"), ("s", "south"), ("x", " issuer"), (None, " issuer")):
        assert knock(good(tenant=tenant), north, south) == found
    assert knock(good(tenant="x"), north, every) == "every"


def test_the_life_that_a_client_may_give() -> None:
    day = claims(exp=NOW + 86_400)
    assert knock("Bearer " + sign(day, ES)) == " exp"
    assert knock("Bearer " + sign(day, ES), client(max_lifetime=86_400)) == "ehr"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], "header"),
        ([("Authorization", good()), ("authorization", good(jti="two"))], "header"),
        ("", "form"),
        ("Bearer", "form"),
        ("Basic dXNlcjpwYXNz", "form"),
        ("Bearer a.b", "form"),
        (good() + ", " + good(), "form"),
        (good() + "=", "form"),
        (good() + "\n", "form"),
        (" " + good(), "form"),
        ("Bearer\t" + good()[7:], "form"),
        ("Bearer " + "a" * LONGEST_TOKEN, "size"),
        ("Bearer é.é.é", "form"),
        ("Bearer a.b.c", "form"),
        (good().replace(".", ".."), "form"),
        (good() + ".x", "form"),
    ],
)
def test_headers_that_hold_no_single_token(headers: Sequence[tuple[str, str]] | str, reason: str) -> None:
    assert knock(headers) == f" {reason}"


def test_the_word_bearer_in_any_case() -> None:
    assert knock([("Host", "evil.example.org"), ("AUTHORIZATION", good().replace("Bearer", "bearer"))]) == "ehr"


def test_a_token_is_taken_once_and_a_refused_one_keeps_its_jti() -> None:
    store = MemoryStore(NOW, lambda: 0.0)
    assert knock(good(exp=NOW + 4000), replay=store) == " exp"
    assert knock(good(), audience=BASE, replay=store) == " aud"
    assert knock(good(), replay=store) == "ehr"
    assert knock(good(), replay=store) == " replay"
    assert knock(good(exp=NOW + 200), replay=store) == " replay"
    assert knock(good(jti="two"), replay=store) == "ehr"


def test_the_same_jti_of_two_issuers_are_two_tokens() -> None:
    store = MemoryStore(NOW, lambda: 0.0)
    other = client(name="other", issuer=ISSUER_2)
    assert knock(good(), client(), other, replay=store) == "ehr"
    assert knock(good(iss=ISSUER_2), client(), other, replay=store) == "other"


ISSUER_2 = "https://other.example.org"


def test_a_retry_is_taken_only_with_its_own_body_and_only_where_agreed() -> None:
    agreed, store, token = client(allow_retry=True), MemoryStore(NOW, lambda: 0.0), good()
    assert knock(token, agreed, replay=store, body=b"one") == "ehr"
    assert knock(token, agreed, replay=store, body=b"one") == "ehr"
    assert knock(token, agreed, replay=store, body=b"two") == " replay"
    assert knock(good(), agreed, replay=store, body=b"one") == " replay"  # the same jti, signed anew
    strict = MemoryStore(NOW, lambda: 0.0)
    assert knock(token, replay=strict, body=b"one") == "ehr"
    assert knock(token, replay=strict, body=b"one") == " replay"


def test_the_body_is_not_read_for_a_token_that_is_refused() -> None:
    known, keys = pinned(client(allow_retry=True))

    def read() -> bytes:
        raise AssertionError("the body was read")

    with pytest.raises(Unauthorized):
        authenticate(good(aud=BASE), AUDIENCE, read, known, keys, MemoryStore(NOW, lambda: 0.0), NOW)


@pytest.mark.parametrize("key", [ES, RS], ids=["ES384", "RS384"])
def test_mutated_tokens_are_refused(key: dict[str, Any]) -> None:
    known, keys = pinned()
    token = sign(claims(), key)
    store = MemoryStore(NOW, lambda: 0.0)
    for mutant in mutants(token, 1000, seed=7):
        with pytest.raises(Unauthorized):
            authenticate(f"Bearer {mutant}", AUDIENCE, bytes, known, keys, store, NOW)
    assert authenticate(f"Bearer {token}", AUDIENCE, bytes, known, keys, store, NOW)[0].name == "ehr"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["iss", "aud", "iat", "exp", "jti", "nbf", "tenant"]), _json))
def test_signed_claims_of_any_type_never_crash(changes: dict[str, Any]) -> None:
    said = {**claims(), **changes}
    token = jwt.api_jws.encode(
        json.dumps(said).encode(), jwt.PyJWK(ES).key, algorithm="ES384", headers={"kid": ES["kid"]}
    )
    knock(f"Bearer {token}")


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "jku", "crit", "b64", "x5c", "zip"]), _json))
def test_headers_of_any_type_never_crash(changes: dict[str, Any]) -> None:
    head = segment({"alg": "ES384", "kid": ES["kid"], "typ": "JWT", **changes})
    assert knock(f"Bearer {head}.{segment(claims())}.{'A' * 128}").startswith(" ")


def test_a_bad_signature_takes_as_long_as_a_bad_claim() -> None:
    """The signature is always checked once the kid is known, so a wrong audience is not answered sooner."""
    known, keys = pinned()
    store = MemoryStore(NOW, lambda: 0.0)
    wrong_key = "Bearer " + sign(claims(), key_pair("ES384", 1), {"kid": ES["kid"]})

    def fastest(authorization: str) -> float:
        times = []
        for _ in range(30):
            begun = time.perf_counter()
            with pytest.raises(Unauthorized):
                authenticate(authorization, AUDIENCE, bytes, known, keys, store, NOW)
            times.append(time.perf_counter() - begun)
        return min(times)

    assert 0.5 < fastest(good(aud=BASE)) / fastest(wrong_key) < 2
