"""Which FHIR servers may be asked: base addresses in one normal form, compared exactly with those agreed upon.

A client's address is only ever compared; requests are built from the agreed one.
"""

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from cds_service.caller import FhirBase

_PORTS = {"http": 80, "https": 443}
_MOST_CHARACTERS = 8192
# Host names in ASCII (other alphabets in their xn-- form), IPv4, IPv6 in brackets; no user, no blank, no backslash.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[^/?#\\\s]*)*)(?:\?(?P<query>[^#\\\s]*))?",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%|-]*")
# Once decoded these would be another path: a dot, a slash, a backslash, a percent sign, a control character.
_HIDDEN = re.compile(r"%(?:2e|2f|5c|25|[01][0-9a-f]|7f)", re.IGNORECASE)
_QUERY = re.compile(r"[\x21-\x7e]*")
_RELATIVE = re.compile(r"(?:[A-Z][A-Za-z]*(?:/[A-Za-z0-9._-]+)*/?)?(?:\?[^#\\\s]*)?")
# Where machines in a cloud are told their own secrets: link-local addresses, and those that providers use beside them
# (AWS, Google, Oracle, Scaleway, Alibaba, Azure).
_NEVER = (
    *map(ipaddress.ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "fd20:ce::/32", "fd00:c1::/32")),
    *map(ipaddress.ip_network, ("fd00:42::42", "100.100.100.200", "168.63.129.16", "192.0.0.192")),
)
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_EMBEDDING = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Base(NamedTuple):
    """A base address in its normal form: lower case, the port named, no slash at the end of the path."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The address, without a port that its scheme has anyway."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}"


class Permission(NamedTuple):
    """A server that may be asked, and whether it may stand in the private network."""

    base: Base
    private: bool


@lru_cache(maxsize=256)
def read_base(address: str) -> Base | None:
    """The base in its normal form; None where the address has anything that a base has not, or hides what it is."""
    found = _taken_apart(address)
    if found is None or found[1] is not None:
        return None
    base = found[0]
    path = base.path.removesuffix("/")
    return base._replace(path=path) if "//" not in path + "/" else None


def permission(server: str, bases: Iterable[FhirBase]) -> Permission | None:
    """The agreed base that a client means, None where there is none; plain http only where that was agreed."""
    meant = read_base(server)
    for agreed in bases if meant is not None else ():
        if read_base(agreed.url) == meant and meant is not None and (meant.scheme == "https" or agreed.plain_http):
            return Permission(meant, agreed.private)
    return None


def below(link: str, base: Base) -> str | None:
    """The address that a link (absolute, or relative to the base) means, if it lies below the base; else None."""
    if "://" not in link:
        if not link or not _RELATIVE.fullmatch(link):
            return None
        link = f"{base.url}/{link}" if not link.startswith("?") else base.url + link
    found = _taken_apart(link)
    if found is None or found[0][:3] != base[:3]:
        return None
    path, query = found[0].path, found[1]
    if path.removesuffix("/") != base.path and not path.startswith(base.path + "/"):
        return None
    return base._replace(path=path).url + (f"?{query}" if query else "")


def may_connect(address: str, private: bool) -> bool:
    """Whether a socket may go to this IP address: a public one, or one of the private network where that is agreed.

    Link-local addresses, those of cloud metadata, multicast and unspecified ones never.
    """
    try:
        found = _innermost(ipaddress.ip_address(address.split("%", 1)[0]))
    except ValueError:
        return False
    if found.is_multicast or found.is_unspecified or any(found in network for network in _NEVER):
        return False
    return private or (found.is_global and (found.version == 4 or found in _PUBLIC_V6))


def _innermost(address: Address) -> Address:
    """The IPv4 address inside an IPv6 address that only carries one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _EMBEDDING:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _taken_apart(address: str) -> tuple[Base, str | None] | None:
    """Scheme, host, port and path, and the query (None when there is none); None for what is no plain address."""
    match = _ADDRESS.fullmatch(address) if len(address) <= _MOST_CHARACTERS else None
    if match is None:
        return None
    scheme, host, path, query = match["scheme"].lower(), _host(match["host"].lower()), match["path"], match["query"]
    port = int(match["port"]) if match["port"] else _PORTS[scheme]
    if host is None or not 1 <= port <= 65535 or not _is_plain(path) or not _QUERY.fullmatch(query or ""):
        return None
    return Base(scheme, host, port, path), query


def _host(host: str) -> str | None:
    """A host name, or an IP address in its one usual notation."""
    try:
        if host.startswith("["):
            return host if str(ipaddress.IPv6Address(host[1:-1])) == host[1:-1] else None
        last = host.rsplit(".", 1)[-1]
        if last.isdigit() or last.startswith("0x"):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        return None
    return host if _NAME.fullmatch(host) and len(host) <= 253 else None


def _is_plain(path: str) -> bool:
    """Whether a path is what it looks like: no dot segments, nothing hidden behind percent signs."""
    segments = path.split("/")
    return all(_SEGMENT.fullmatch(one) and one not in (".", "..") for one in segments) and not _HIDDEN.search(path)
