"""Certificates are always checked: against the public ones, or those of the file that the settings name."""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cds_service.caller import FhirBase
from cds_service.fhir import Gathered
from tests.fhir.access.fhir_servers import Server, answer, fetched, served
from tests.fhir.access.test_faults import PROBLEMS, WITHOUT
from tests.fixtures.people import NOW

pytestmark = pytest.mark.loopback
TODAY = NOW.now(NOW.tzinfo)


class Signed(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def write(self, folder: Path) -> tuple[str, str]:
        places = folder / "certificate.pem", folder / "key.pem"
        places[0].write_bytes(self.certificate.public_bytes(Encoding.PEM))
        places[1].write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(places[0]), str(places[1])


def signed(by: Signed | None, address: str = "127.0.0.1", ends: int = 1) -> Signed:
    """A certificate for an address, signed by another one or, as an authority, by itself; it ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority" if by is None else "test server")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.certificate.subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(TODAY - timedelta(days=9))
        .not_valid_after(TODAY + timedelta(days=ends))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
    )
    return Signed(made.sign(by.key if by else key, hashes.SHA256()), key)


@contextmanager
def tls_server(own: Signed, folder: Path, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[Server]:
    """A server that answers over TLS; plain bytes sent to it are never answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if highest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = highest
    context.maximum_version = highest
    context.load_cert_chain(*own.write(folder))
    with served(lambda connection, _: answer(connection, PROBLEMS)) as server:
        plain = server._talk

        def talk(connection: socket.socket) -> None:
            with suppress(OSError), context.wrap_socket(connection, server_side=True) as secret:
                plain(secret)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(server, "_talk", talk)
            yield server


def asked(server: Server, **rules: str) -> Gathered:
    base = server.base.replace("http:", "https:")
    return fetched(base, WITHOUT, agreed=FhirBase(base, private=True), **rules)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Signed, str]:
    made = signed(None)
    return made, made.write(tmp_path_factory.mktemp("authority"))[0]


def test_a_server_of_the_own_authority_is_asked(authority: tuple[Signed, str], tmp_path: Path) -> None:
    with tls_server(signed(authority[0]), tmp_path) as server:
        assert not asked(server, ca_file=authority[1]).gaps
        assert not asked(server, ca_file=authority[1]).gaps
    assert len(server.heads) == 2


@pytest.mark.parametrize(
    "case", ["not in the public list", "of another authority", "for another address", "out of date"]
)
def test_any_other_hears_nothing_not_even_the_token(authority: tuple[Signed, str], tmp_path: Path, case: str) -> None:
    own, ca_file = authority
    certificate = signed(
        signed(None) if case == "of another authority" else own,
        address="127.0.0.2" if case == "for another address" else "127.0.0.1",
        ends=-1 if case == "out of date" else 1,
    )
    with tls_server(certificate, tmp_path) as server:
        found = asked(server) if case == "not in the public list" else asked(server, ca_file=ca_file)
    assert_unheard(server, found)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_releases_of_tls_are_not_spoken(authority: tuple[Signed, str], tmp_path: Path) -> None:
    with tls_server(signed(authority[0]), tmp_path, ssl.TLSVersion.TLSv1_1) as server:
        found = asked(server, ca_file=authority[1])
    assert_unheard(server, found)


def assert_unheard(server: Server, found: Gathered) -> None:
    assert [gap.reason for gap in found.gaps] == ["fetch-failed"]
    assert server.contacts
    assert not server.heads


def test_the_environment_names_no_authority(
    authority: tuple[Signed, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, authority[1])
    with tls_server(signed(authority[0]), tmp_path) as server:
        assert [gap.reason for gap in asked(server).gaps] == ["fetch-failed"]
    assert not server.heads
