"""Pushing news to open tabs: a page follows a topic, whoever changes something publishes it.

What arrives in the tab is one of the page's own events, so it passes the guard like a click would: a session that
ended meanwhile gets nothing. News of the same kind for the same tab within a short interval is sent once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

INTERVAL_SECONDS = 0.15

#: Delivers an event to a tab by its token; False when no such tab is connected any more.
Deliver = Callable[[str, Any], Awaitable[bool]]


def workspace(workspace_id: str) -> str:
    """The topic of everything that happens in a workspace: its balance, its generations."""
    return f"workspace:{workspace_id}"


@dataclass(eq=False)
class _Follower:
    token: str
    event: Any
    sending: asyncio.Task[None] | None = None
    again: bool = False


@dataclass
class Live:
    """Who follows what. `follow`, `leave` and `run` belong to the event loop; `publish` may come from any thread."""

    deliver: Deliver
    interval_seconds: float = INTERVAL_SECONDS
    _topics: dict[str, list[_Follower]] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop | None = None

    def follow(self, token: str, topic: str, event: Any) -> None:
        """Send `event` to the tab `token` whenever `topic` has news, until the tab leaves or disconnects."""
        self._loop = asyncio.get_running_loop()
        followers = self._topics.setdefault(topic, [])
        if not any(f.token == token and str(f.event) == str(event) for f in followers):
            followers.append(_Follower(token, event))

    def leave(self, token: str) -> None:
        """Forget everything this tab follows; a page visit starts with it."""
        for topic in list(self._topics):
            self._keep(topic, [f for f in self._topics[topic] if f.token != token])

    def publish(self, topic: str) -> None:
        """Say that `topic` has news. Cheap when nobody follows it; never raises and never waits."""
        if self._loop is not None and topic in self._topics:
            with contextlib.suppress(RuntimeError):  # the loop has just closed: nobody is left to tell
                # Told in nobody's name: who publishes has a session at hand that is not the hearing tab's.
                self._loop.call_soon_threadsafe(self._announce, topic, context=Context())

    def followers(self, topic: str) -> int:
        return len(self._topics.get(topic, ()))

    def _announce(self, topic: str) -> None:
        for follower in self._topics.get(topic, ()):
            if follower.sending and not follower.sending.done():
                follower.again = True
            else:
                follower.sending = asyncio.create_task(self._send(topic, follower))

    async def _send(self, topic: str, follower: _Follower) -> None:
        while True:
            follower.again = False
            if not await self.deliver(follower.token, follower.event):
                self._keep(topic, [f for f in self._topics.get(topic, []) if f is not follower])
                return
            await asyncio.sleep(self.interval_seconds)
            if not follower.again:
                return

    def _keep(self, topic: str, followers: list[_Follower]) -> None:
        if followers:
            self._topics[topic] = followers
        else:
            self._topics.pop(topic, None)
