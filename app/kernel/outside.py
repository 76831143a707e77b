"""Addresses that customers name and we call: which may be named, and which network addresses may be connected to.

A name is checked when it is given, which is a courtesy: it can be pointed elsewhere a second later. What counts is
`is_public`, asked about the very address that a connection is about to be made to.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from app.kernel.errors import InvalidInput

PORTS = frozenset({443, 8443})
LONGEST_URL = 1_000
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
#: Names that lead inside wherever they are asked: our own machine, a home or office network, a cloud's metadata.
_INSIDE = re.compile(r"(^|\.)(localhost|localdomain|local|internal|intranet|lan|home|corp|private|home\.arpa)$")
_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]*[a-z0-9]")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: Routed as if they were public, and yet a cloud's own machinery, or ways to write one address inside another.
_NOT_OUTSIDE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",
        "192.88.99.0/24",
        "fec0::/10",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
    )
)


def check_url(url: str, *, loopback: bool = False, param: str = "url") -> str:
    """The address in its plain form, or `InvalidInput` saying what is wrong with it.

    https on port 443 or 8443 and a public name; with `loopback` (the demo) also http on this machine, at any port.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise _wrong(param, "This is not an address.") from None
    if not host or len(url) > LONGEST_URL or not url.strip().isprintable() or " " in url.strip():
        raise _wrong(param, "This is not an address we can call. It looks like https://example.com/webhooks.")
    if parts.username is not None or parts.password is not None:
        raise _wrong(param, "Leave user names and passwords out of the address; the signature says that it is us.")
    if loopback and host in LOOPBACK_NAMES and parts.scheme in ("http", "https"):
        return parts._replace(fragment="").geturl()
    if parts.scheme != "https":
        raise _wrong(param, "The address must begin with https://.")
    if port not in (None, *PORTS):
        raise _wrong(param, "The address must be on port 443 or 8443.")
    if not host.isascii():
        host = _ascii(host, param)
    if _INSIDE.search(host):
        raise _wrong(param, "The address must be on a host that the internet can reach.")
    if not _NAME.fullmatch(host):
        raise _wrong(param, "The address needs the name of a host, not a number: https://example.com/webhooks.")
    netloc = host if port is None else f"{host}:{port}"
    return parts._replace(netloc=netloc, fragment="", path=parts.path or "/").geturl()


def is_public(address: str) -> bool:
    """Whether a connection to this address leads out: not to us, our network, a cloud's metadata, or everybody."""
    try:
        found: _Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_multicast or found.is_reserved or found.is_unspecified or not found.is_global:
        return False
    return not any(found.version == network.version and found in network for network in _NOT_OUTSIDE)


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _ascii(host: str, param: str) -> str:
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _wrong(param, "This is not the name of a host.") from None


def _wrong(param: str, why: str) -> InvalidInput:
    return InvalidInput(why, param=param, code="invalid_url")
