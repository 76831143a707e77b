"""Who calls through a proxy: the address that our own proxies name, and nobody else's word."""

import asyncio
from typing import Any

import pytest

from app.api.proxies import TrustedProxies
from app.kernel.errors import Broken
from app.settings import LOOPBACK_NETWORKS, _proxies


def caller(client: str, *forwarded: str, trusted: tuple[str, ...] = LOOPBACK_NETWORKS, kind: str = "http") -> str:
    """The address that the app behind the proxies sees."""
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    scope = {"type": kind, "client": (client, 4000), "headers": headers}
    asyncio.run(TrustedProxies(app, trusted)(scope, None, None))
    return seen[0]


@pytest.mark.parametrize(
    ("client", "forwarded", "seen"),
    [
        pytest.param("127.0.0.1", ["203.0.113.9"], "203.0.113.9", id="our proxy says who"),
        pytest.param(
            "127.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9", id="what the caller wrote before counts not"
        ),
        pytest.param("127.0.0.1", ["6.6.6.6", "203.0.113.9"], "203.0.113.9", id="in a header of its own neither"),
        pytest.param("127.0.0.1", ["203.0.113.9, 10.0.0.2"], "203.0.113.9", id="through two proxies of ours"),
        pytest.param("127.0.0.1", ["10.0.0.2"], "10.0.0.2", id="a proxy of ours calls for itself"),
        pytest.param("127.0.0.1", ["2001:db8::7"], "2001:db8::7", id="the newer addresses"),
        pytest.param("127.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.2", id="nonsense is where it ends"),
        pytest.param("127.0.0.1", [], "127.0.0.1", id="nothing said"),
        pytest.param("203.0.113.9", ["6.6.6.6"], "203.0.113.9", id="a stranger is not believed"),
    ],
)
def test_only_our_own_proxies_say_who_calls(client: str, forwarded: list[str], seen: str) -> None:
    trusted = (*LOOPBACK_NETWORKS, "10.0.0.0/8")
    assert caller(client, *forwarded, trusted=trusted) == seen
    assert caller(client, *forwarded, trusted=trusted, kind="websocket") == seen
    assert caller(client, *forwarded, trusted=()) == client


def test_the_setting_is_networks_or_refused() -> None:
    assert _proxies({}) == LOOPBACK_NETWORKS
    assert _proxies({"FAREBOX_TRUSTED_PROXIES": ""}) == ()
    assert _proxies({"FAREBOX_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1"}) == ("10.0.0.0/8", "192.0.2.1")
    with pytest.raises(Broken, match="FAREBOX_TRUSTED_PROXIES"):
        _proxies({"FAREBOX_TRUSTED_PROXIES": "10.0.0.1/8"})
