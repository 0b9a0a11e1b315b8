"""Public keys: which are usable, and that each brings its own algorithms."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from cds_service.trust.keys import KeyFault, read_key, read_keys
from cds_service.trust.minting import key_set, new_key
from tests.trust.issuing import key_pair


def public(algorithm: str, **changes: object) -> dict[str, Any]:
    made = {**key_set(key_pair(algorithm))["keys"][0], **changes}
    return {name: value for name, value in made.items() if value is not None}


@pytest.mark.parametrize(
    ("algorithm", "without"),
    [
        ("ES256", {"ES256"}), ("ES384", {"ES384"}), ("ES512", {"ES512"}), ("EdDSA", {"EdDSA"}),
        ("RS384", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    ],
)  # fmt: skip
def test_a_key_brings_its_algorithms(algorithm: str, without: set[str]) -> None:
    assert read_key(public(algorithm)).algorithms == {algorithm}
    assert read_key(public(algorithm, alg=None, use=None)).algorithms == without


def small_rsa() -> dict[str, Any]:
    key = rsa.generate_private_key(65537, 1024)
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "a"}


@pytest.mark.parametrize(
    ("jwk", "said"),
    [
        ("text", "must be an object"),
        (public("ES384", kid=None), 'have a "kid"'),
        (public("ES384", kid=7), 'have a "kid"'),
        (public("ES384", d="AA"), "private part"),
        (public("ES384", use="enc"), "not for signatures"),
        (public("ES384", key_ops=["encrypt"]), "not for signatures"),
        (public("ES384", key_ops="verify"), "not for signatures"),
        (public("ES384", alg="RS384"), "does not fit it; allowed is ES384"),
        (public("ES384", alg="none"), "does not fit"),
        (public("ES384", x="AA"), "cannot be read"),
        (public("ES384", x=None), "cannot be read"),
        (public("ES384", x=7), "cannot be read"),
        (public("ES384", crv="P-000"), "cannot be read"),
        (public("ES384", kty="oct"), "of another kind"),
        (public("ES384", kty=None), "of another kind"),
        (public("RS384", n=None), "cannot be read"),
        (
            {**ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256K1()).public_key(), as_dict=True), "kid": "a"},
            "curve",
        ),
        ({**OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True), "kid": "a"}, "curve"),
    ],
    ids=str,
)
def test_keys_that_cannot_be_used(jwk: object, said: str) -> None:
    with pytest.raises(KeyFault, match=said):
        read_key(jwk)


def test_a_short_rsa_key_is_refused() -> None:
    with pytest.raises(KeyFault, match="1024 bits; allowed are 2048 or more"):
        read_key(small_rsa())


def test_a_set_gives_its_good_keys_and_says_why_others_are_left_out() -> None:
    keys, faults = read_keys({"keys": [public("ES384"), public("RS384"), 7, public("ES256", d="AA")]})
    assert set(keys) == {key_pair("ES384")["kid"], key_pair("RS384")["kid"]}
    assert len(faults) == 2
    twice, why = read_keys({"keys": [public("ES384"), public("ES384", alg=None), public("RS384")]})
    assert set(twice) == {key_pair("RS384")["kid"]}
    assert why == ["two keys have the same kid"]


@pytest.mark.parametrize("jwks", [None, [], {}, {"keys": None}, {"keys": {}}, "x"], ids=str)
def test_what_is_no_set(jwks: object) -> None:
    assert read_keys(jwks) == ({}, ['a key set must be an object with a list "keys"'])


@pytest.mark.parametrize("algorithm", ["ES384", "RS384", "EdDSA"])
def test_keys_made_here_can_be_used_and_keep_their_secret(algorithm: str) -> None:
    key = new_key(algorithm)
    held = key_set(key)
    assert read_keys(held)[0][key["kid"]].algorithms == {algorithm}
    assert not {"d", "p", "q"} & set(held["keys"][0])
    assert jwt.PyJWK(key).algorithm_name == algorithm
