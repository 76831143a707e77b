"""News reaches the tabs that follow it, once, and nobody else."""

import asyncio
import threading
from contextlib import nullcontext
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest

from app.ui.assemble import live_for
from app.ui.live import Live, workspace
from app.ui.shell_state import ShellState

pytestmark = pytest.mark.anyio
TOPIC = workspace("ws_1")


class Tabs:
    """Connected tabs, and what was delivered to them."""

    def __init__(self, *connected: str) -> None:
        self.connected = set(connected)
        self.delivered: list[tuple[str, str]] = []

    async def deliver(self, token: str, event: str) -> bool:
        if token not in self.connected:
            return False
        self.delivered.append((token, event))
        return True


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


@pytest.fixture
def tabs():
    return Tabs("a", "b")


@pytest.fixture
def live(tabs):
    return Live(tabs.deliver, interval_seconds=0)


async def test_a_follower_hears_of_its_topic_and_of_no_other(live, tabs):
    live.follow("a", TOPIC, "refresh")
    live.publish(TOPIC)
    live.publish(workspace("ws_2"))
    await settle()
    assert tabs.delivered == [("a", "refresh")]


async def test_who_publishes_is_not_who_hears():
    """An operator's handler, and the threads it starts, publish with the operator's session at hand: a tab that was
    told with it would be taken for the operator's, emptied, and loaded again."""
    whose, heard = ContextVar("whose", default="nobody"), []

    async def deliver(token: str, event: str) -> bool:
        heard.append(whose.get())
        return True

    live = Live(deliver, interval_seconds=0)
    live.follow("a", TOPIC, "refresh")
    whose.set("the operator")
    live.publish(TOPIC)
    await settle()
    await asyncio.to_thread(live.publish, TOPIC)
    await settle()
    assert heard == ["nobody", "nobody"]


async def test_following_twice_is_following_once(live, tabs):
    live.follow("a", TOPIC, "refresh")
    live.follow("a", TOPIC, "refresh")
    live.publish(TOPIC)
    await settle()
    assert tabs.delivered == [("a", "refresh")]


async def test_every_tab_and_every_event_of_a_topic_is_told(live, tabs):
    live.follow("a", TOPIC, "refresh")
    live.follow("a", TOPIC, "balance")
    live.follow("b", TOPIC, "refresh")
    live.publish(TOPIC)
    await settle()
    assert sorted(tabs.delivered) == [("a", "balance"), ("a", "refresh"), ("b", "refresh")]


async def test_a_tab_that_leaves_hears_nothing_more(live, tabs):
    live.follow("a", TOPIC, "refresh")
    live.leave("a")
    live.publish(TOPIC)
    await settle()
    assert tabs.delivered == []
    assert live.followers(TOPIC) == 0


async def test_a_tab_that_is_gone_is_forgotten(live, tabs):
    live.follow("a", TOPIC, "refresh")
    tabs.connected.clear()
    live.publish(TOPIC)
    await settle()
    assert live.followers(TOPIC) == 0


async def test_a_burst_is_told_once_and_then_once_more(tabs):
    live = Live(tabs.deliver, interval_seconds=0.01)
    live.follow("a", TOPIC, "refresh")
    for _ in range(50):
        live.publish(TOPIC)
    await asyncio.sleep(0.1)
    assert 1 <= len(tabs.delivered) <= 2


async def test_the_last_news_is_never_lost(tabs):
    live = Live(tabs.deliver, interval_seconds=0.01)
    live.follow("a", TOPIC, "refresh")
    live.publish(TOPIC)
    await settle()
    live.publish(TOPIC)  # while the first is still being rested
    await asyncio.sleep(0.1)
    assert len(tabs.delivered) == 2


async def test_news_may_come_from_any_thread(live, tabs):
    live.follow("a", TOPIC, "refresh")
    thread = threading.Thread(target=live.publish, args=(TOPIC,))
    thread.start()
    await asyncio.to_thread(thread.join)
    await settle()
    assert tabs.delivered == [("a", "refresh")]


def test_news_nobody_follows_costs_nothing(live, tabs):
    live.publish(TOPIC)
    assert tabs.delivered == []


async def test_news_waits_until_the_tab_has_dealt_with_the_last() -> None:
    """Else a click would stand in line behind everything that is pushed meanwhile."""
    handled: list[asyncio.Future[None]] = []

    async def enqueue_many(_token: str, *_events: object) -> list[asyncio.Future[None]]:
        handled.append(asyncio.get_running_loop().create_future())
        return handled[-1:]

    app: Any = SimpleNamespace(
        event_namespace=SimpleNamespace(token_to_sid={"a": "socket"}),
        event_processor=SimpleNamespace(enqueue_many=enqueue_many),
        set_contexts=nullcontext,
    )
    live = live_for(app)
    live.interval_seconds = 0
    live.follow("a", TOPIC, ShellState.enter)
    for _ in range(20):
        live.publish(TOPIC)
        await settle()
    assert len(handled) == 1
    handled[0].set_result(None)
    await settle()
    assert len(handled) == 2
    handled[1].set_result(None)
    await settle()
    assert len(handled) == 2
