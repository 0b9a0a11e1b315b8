"""Public keys: a key set read into objects that are made once. The algorithm belongs to the key."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

PublicKey = EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_READERS: Mapping[str, Callable[[dict[str, object]], object]] = {
    "EC": ECAlgorithm.from_jwk,
    "RSA": RSAAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}
LEAST_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and the algorithms it may verify."""

    kid: str
    algorithms: frozenset[str]
    public: PublicKey


class KeyFault(Exception):
    """A key that cannot be used; the words say why and never repeat the key."""


def read_key(jwk: object) -> Key:
    """The key of a JSON Web Key (RFC 7517). Raises `KeyFault` for anything but a usable public signing key."""
    if not isinstance(jwk, Mapping):
        raise KeyFault("a key must be an object")
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not kid:
        raise KeyFault('a key must have a "kid" that is a text')
    if any(member in jwk for member in _PRIVATE):
        raise KeyFault("a key holds its private part, so anyone who reads it could sign; publish the public part only")
    if jwk.get("use", "sig") != "sig" or "verify" not in _operations(jwk):
        raise KeyFault('a key is not for signatures; allowed is "use": "sig"')
    public = _public(jwk)
    named, fit = jwk.get("alg"), _fitting(public)
    if named is not None and named not in fit:
        raise KeyFault(f'a key names an "alg" that does not fit it; allowed is {", ".join(sorted(fit))}')
    return Key(kid, fit if named is None else frozenset({str(named)}), public)


def _operations(jwk: Mapping[str, object]) -> tuple[object, ...]:
    found = jwk.get("key_ops", ["verify"])
    return tuple(found) if isinstance(found, list) else ()


def _public(jwk: Mapping[str, object]) -> PublicKey:
    reader = _READERS.get(str(jwk.get("kty")))
    if reader is None:
        raise KeyFault('a key is of another kind than allowed: "kty" must be EC, RSA or OKP')
    try:
        public = reader(dict(jwk))
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, AttributeError, KeyError):
        raise KeyFault("a key cannot be read: its members are not those of its kind") from None
    if not isinstance(public, PublicKey):
        raise KeyFault("a key is on a curve that is not allowed")
    return public


def _fitting(public: PublicKey) -> frozenset[str]:
    if isinstance(public, Ed25519PublicKey):
        return frozenset({"EdDSA"})
    if isinstance(public, RSAPublicKey):
        if public.key_size < LEAST_RSA_BITS:
            raise KeyFault(f"an RSA key has {public.key_size} bits; allowed are {LEAST_RSA_BITS} or more")
        return _RSA
    if public.curve.name not in _CURVES:
        raise KeyFault("a key is on a curve that is not allowed")
    return frozenset({_CURVES[public.curve.name]})


def read_keys(jwks: object) -> tuple[dict[str, Key], list[str]]:
    """The usable keys of a key set by kid, and why others were left out. A kid that occurs twice is left out."""
    listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(listed, list):
        return {}, ['a key set must be an object with a list "keys"']
    keys, faults = [], []
    for jwk in listed:
        try:
            keys.append(read_key(jwk))
        except KeyFault as fault:
            faults.append(str(fault))
    counted = Counter(key.kid for key in keys)
    faults += ["two keys have the same kid" for count in counted.values() if count > 1]
    return {key.kid: key for key in keys if counted[key.kid] == 1}, faults
