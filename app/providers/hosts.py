"""Which hosts an adapter may talk to: a key goes only where the operator pointed us, files come from known hosts.

An entry of `output_hosts` is a host ("v3.fal.media"), a host and all below it ("*.replicate.delivery") or a whole
origin ("http://127.0.0.1:4010"); the first two mean https on its usual port.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

import httpx

Origin = tuple[str, str, int | None]
HOST = re.compile(r"[a-z0-9_][a-z0-9._-]*|[0-9a-f.]*:[0-9a-f:.]+")  # a name or an IPv6 address, in ASCII
DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: object) -> Origin | None:
    """Scheme, host and port of an absolute http(s) URL without credentials in it; None for anything else."""
    return _origin_of(url) if isinstance(url, str) else None


@lru_cache(maxsize=1024)  # a provider's few addresses are asked about with every call
def _origin_of(url: str) -> Origin | None:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        return None
    host = parsed.raw_host.decode("ascii").lower()
    if parsed.scheme not in DEFAULT_PORTS or parsed.userinfo or not HOST.fullmatch(host):
        return None
    return parsed.scheme, host.rstrip("."), parsed.port or DEFAULT_PORTS[parsed.scheme]


class Hosts:
    """`own` are the base URL and the operator's other URLs; `outputs` the hosts that files may come from besides."""

    def __init__(self, own: Iterable[str], outputs: Iterable[str]) -> None:
        self._own = {origin for url in own if (origin := origin_of(url))}
        self._outputs = tuple(outputs)

    def is_own(self, url: object) -> bool:
        return origin_of(url) in self._own

    def may_serve_files(self, url: str) -> bool:
        origin = origin_of(url)
        return origin is not None and (origin in self._own or any(_covers(entry, origin) for entry in self._outputs))


def _covers(entry: str, origin: Origin) -> bool:
    if "://" in entry:
        return origin_of(entry) == origin
    scheme, host, port = origin
    if scheme != "https" or port != DEFAULT_PORTS["https"]:
        return False
    name = entry.lower().removeprefix("*.")
    return host == name or (entry.startswith("*.") and host.endswith(f".{name}"))


def host_name(url: object) -> str:
    """The host of a URL for an error message: nothing else of it, for the rest may hold secrets."""
    origin = origin_of(url)
    return origin[1] if origin else "something that is not a web address"
