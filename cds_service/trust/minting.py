"""Tokens for development: a key pair of our own, its public key set, and JWTs as an EHR would send them."""

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

_CURVES: Mapping[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
# RFC 7638: the members that a thumbprint is made of, by kind of key.
_ESSENTIAL = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_RSA_BITS = 3072
Jwk = dict[str, Any]


def key_of_file(path: Path, algorithm: str) -> Jwk:
    """The private key in a file, made with mode 0600 when missing. Raises ValueError for another content."""
    try:
        written = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path, algorithm)
    with open(written, "w", encoding="utf-8") as file:
        json.dump(key := new_key(algorithm), file)
    return key


def _read(path: Path, algorithm: str) -> Jwk:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not {"d", "kid", "alg"} <= set(found):
        raise ValueError(f"{path} does not hold a private key as this command writes it")
    if found["alg"] != algorithm:
        raise ValueError(f"{path} holds a key for {found['alg']}, not for {algorithm}")
    return found


def new_key(algorithm: str) -> Jwk:
    """A new private key as a JSON Web Key; its kid is its thumbprint."""
    if algorithm in _CURVES:
        jwk = ECAlgorithm.to_jwk(ec.generate_private_key(_CURVES[algorithm]), as_dict=True)
    elif algorithm == "EdDSA":
        jwk = OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate(), as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, _RSA_BITS), as_dict=True)
    plain = {name: value for name, value in jwk.items() if name != "key_ops"}
    return {**plain, "kid": _thumbprint(jwk), "alg": algorithm, "use": "sig"}


def _thumbprint(jwk: Jwk) -> str:
    essential = {name: jwk[name] for name in _ESSENTIAL[jwk["kty"]]}
    text = json.dumps(essential, separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()


def key_set(*keys: Jwk) -> Jwk:
    """The public parts of keys, as a client publishes them."""
    public = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")
    return {"keys": [{name: key[name] for name in public if name in key} for key in keys]}


def mint(key: Jwk, issuer: str, audience: str, now: int, lifetime: int = 300, **more: object) -> str:
    """A token as CDS Hooks wants it, valid from `now` (seconds since 1970). `more` are further claims."""
    claims = {"iss": issuer, "aud": audience, "iat": now, "exp": now + lifetime, "jti": str(uuid4()), **more}
    return jwt.encode(claims, jwt.PyJWK(key).key, algorithm=key["alg"], headers={"kid": key["kid"]})
