"""Calling back: one POST a message, tried again with growing pauses until somebody answers 2xx."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from app.sandbox.jobs import Job

TRIES = 11
#: News of the way is soon stale: it is tried less often than the end.
TRIES_ON_THE_WAY = 3
FIRST_PAUSE_SECONDS = 2.0
TIMEOUT_SECONDS = 15.0

START, LOGS, OUTPUT, COMPLETED = "start", "logs", "output", "completed"


@dataclass(frozen=True, slots=True)
class Message:
    body: bytes
    headers: Mapping[str, str]


class Voice(Protocol):
    """How one provider words its callbacks."""

    def message(self, job: Job, event: str) -> Message | None:
        """The callback for this event as it stands now, freshly signed; None when the provider sends none."""

    def forged(self, job: Job) -> Message | None:
        """A lie an attacker could send for this job with a signature that verifies, if the scheme allows one."""


class Caller:
    """Delivers messages; pauses between tries shrink with the sandbox's speed."""

    def __init__(self, speed: float) -> None:
        self._pause = FIRST_PAUSE_SECONDS / speed
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False)

    async def deliver(self, url: str, build: Callable[[], Message | None], tries: int = TRIES) -> bool:
        """Whether it was taken. `build` is asked for every try, so that the signature's time is fresh."""
        for number in range(tries):
            message = build()
            if message is None:
                return True
            if await self._post(url, message):
                return True
            if number + 1 < tries:
                await asyncio.sleep(self._pause * 2**number)
        return False

    async def _post(self, url: str, message: Message) -> bool:
        headers = {"content-type": "application/json", **message.headers}
        try:
            answer = await self._http.post(url, content=message.body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            print(f"sandbox: callback to {url} failed: {error!r}", file=sys.stderr)
            return False
        return answer.is_success

    async def close(self) -> None:
        await self._http.aclose()
