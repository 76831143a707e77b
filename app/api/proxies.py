"""Who calls, where a proxy stands in front: the address it names, if it is one of ours.

Without this every caller has the proxy's address: what an order says of where it came from would say nothing, and who
guesses passwords would shut everybody out of the same account.
"""

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]
HEADER = b"x-forwarded-for"
MOST_REMEMBERED = 1_024


class TrustedProxies:
    """An ASGI wrapper. `networks` are the proxies' addresses, such as `127.0.0.0/8`; nobody else is believed."""

    def __init__(self, app: Asgi, networks: tuple[str, ...]) -> None:
        self._app = app
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)
        self._is_ours = lru_cache(MOST_REMEMBERED)(self._belongs)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        client = scope.get("client")
        if client and self._is_ours(client[0]) and (named := _named(scope)):
            scope = {**scope, "client": (self._caller(named, client[0]), client[1])}
        await self._app(scope, receive, send)

    def _caller(self, named: list[str], proxy: str) -> str:
        """The last address that is no proxy of ours: what stands before it was written by whoever called."""
        caller = proxy
        for address in reversed(named):
            if not _is_address(address):
                break
            caller = address
            if not self._is_ours(address):
                break
        return caller

    def _belongs(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)


def _named(scope: Scope) -> list[str]:
    values = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name.lower() == HEADER]
    return [part.strip() for part in ",".join(values).split(",") if part.strip()]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
