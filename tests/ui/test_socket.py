"""The guard on a real socket: what a stranger with a websocket client gets out of the running app."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from reflex.utils.format import format_event_handler
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from app.app import app
from app.kernel.money import Money
from app.ui import wiring
from app.ui.guard import SESSION_COOKIE
from app.ui.shell_state import PaletteState, ShellState
from app.ui.wiring import Found, Standing, Wiring
from tests.ui.people import SESSIONS

ORIGIN = "http://localhost:3000"
NAMESPACE = "/_event"
BALANCE = format_event_handler(ShellState.event_handlers["refresh"])
SEARCH = format_event_handler(PaletteState.event_handlers["search"])


@pytest.fixture(scope="module")
def server() -> Iterator[TestClient]:
    """The app as granian would serve it, without its front end."""
    before = wiring.current()
    wiring.install(
        Wiring(
            look_up=SESSIONS.get,
            standing=lambda workspace_id: Standing(Money(7_000_000 if workspace_id == "ws_1" else 9_000_000), Money(0)),
            find=lambda person, text: [Found("generation", f"found for {person.name}", text, "/logs")],
        )
    )
    with mock.patch.dict(os.environ, {"__REFLEX_SKIP_COMPILE": "true"}), TestClient(app()) as client:
        yield client
    wiring.install(before)


class Socket:
    """A websocket that speaks just enough Socket.IO."""

    def __init__(self, raw: WebSocketTestSession) -> None:
        self.raw = raw
        self.raw.receive_text()  # the transport's greeting
        self.raw.send_text(f"40{NAMESPACE},")
        assert self.raw.receive_text().startswith(f"40{NAMESPACE}")

    def ask(self, name: str, payload: dict[str, Any] | None = None, path: str = "/") -> str:
        """Send an event, then a ping that is answered after it; everything that came back in between, as text."""
        event = {"name": name, "payload": payload or {}, "router_data": {"pathname": path, "asPath": path, "query": {}}}
        self.raw.send_text(f"42{NAMESPACE},{json.dumps(['event', event])}")
        came = []
        for _ in range(40):
            self.raw.send_text(f"42{NAMESPACE},{json.dumps(['ping'])}")
            text = self.raw.receive_text()
            if "pong" not in text:
                came.append(text)
        return "\n".join(came)


@contextmanager
def socket(server: TestClient, token: str, session: str = "", origin: str = ORIGIN) -> Iterator[Socket]:
    headers = {
        "origin": origin,
        "upgrade": "websocket",
        **({"cookie": f"{SESSION_COOKIE}={session}"} if session else {}),
    }
    url = f"{NAMESPACE}/?EIO=4&transport=websocket&token={token}"
    with server.websocket_connect(url, headers=headers) as raw:
        yield Socket(raw)
        raw.send_text(f"41{NAMESPACE},")  # say goodbye: while the old socket lives, its token opens no second one
    patience = time.monotonic() + 5
    while app.event_namespace and token in app.event_namespace.token_to_sid and time.monotonic() < patience:
        time.sleep(0.01)


def test_a_member_gets_an_answer(server):
    with socket(server, "tab-1", "member") as mine:
        assert "found for Ben Okafor" in mine.ask(SEARCH, {"text": "gen_1"})


def test_a_visitor_gets_nothing(server):
    with socket(server, "tab-2") as visitor:
        answer = visitor.ask(SEARCH, {"text": "gen_1"}) + visitor.ask(BALANCE)
    assert "found for" not in answer
    assert "available" not in answer


def test_a_forged_session_gets_nothing(server):
    with socket(server, "tab-3", "not-a-session") as forged:
        assert "found for" not in forged.ask(SEARCH, {"text": "gen_1"})


def test_a_stranger_with_somebody_s_tab_token_reads_nothing_of_theirs(server):
    with socket(server, "tab-4", "member") as mine:
        assert "found for Ben Okafor" in mine.ask(SEARCH, {"text": "gen_1"})
    hydrate = "reflex___state____state.hydrate"
    with socket(server, "tab-4") as visitor:
        assert "Ben Okafor" not in visitor.ask(hydrate)
    with socket(server, "tab-4", "stranger") as stranger:
        assert "Ben Okafor" not in stranger.ask(hydrate)


def test_a_foreign_page_cannot_open_a_socket(server):
    with pytest.raises(WebSocketDisconnect), socket(server, "tab-5", "member", "http://evil.test"):
        pass


def test_an_event_nobody_handles_is_logged_without_the_session(server, caplog):
    with socket(server, "tab-6", "member") as mine:
        mine.ask("reflex___state____state.no_such_state.no_such_handler")
    assert "no_such_handler" in caplog.text
    assert f"{SESSION_COOKIE}=member" not in caplog.text
