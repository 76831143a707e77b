"""The courier: takes what the outbox holds to the handler of its topic, and writes down how that went.

A handler is safe to be called twice with the same message. It raises `Undeliverable` when trying again cannot help;
anything else it raises is tried again later, at growing intervals, until `GIVE_UP_AFTER` deliveries have failed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from app.kernel import clock, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Undeliverable
from app.kernel.outbox import Message

Handler = Callable[[Message], Awaitable[None]]

BATCH = 20
#: How long one delivery may take before the message is taken for lost and handed out again.
HIDE = timedelta(minutes=5)
GIVE_UP_AFTER = 15

log = logging.getLogger("farebox.outbox")


class Courier:
    """One handler per topic; topics nobody handles wait."""

    def __init__(self, db: Database, handlers: Mapping[str, Handler], now: Clock = clock.now) -> None:
        self._db, self._handlers, self._now = db, dict(handlers), now

    async def run(self) -> int:
        """Deliver everything that is due; answers how many messages were taken."""
        count = 0
        while batch := await asyncio.to_thread(self._claim):
            for message in batch:
                await self._deliver(message)
            count += len(batch)
        return count

    def _claim(self) -> list[Message]:
        topics, now = list(self._handlers), self._now()
        with self._db.read() as connection:
            if not outbox.is_due(connection, topics, now):
                return []
        with self._db.write() as connection:
            return outbox.claim(connection, topics, now, hide=HIDE, limit=BATCH)

    async def _deliver(self, message: Message) -> None:
        try:
            await self._handlers[message.topic](message)
        except Undeliverable as error:
            log.warning("%s %s can never be delivered: %s", message.topic, message.id, error)
            await asyncio.to_thread(self._give_up, message, str(error))
        except Exception as error:
            log.exception("%s %s could not be delivered (attempt %s)", message.topic, message.id, message.attempts)
            told = f"{type(error).__name__}: {error}"
            await asyncio.to_thread(self._give_up if message.attempts >= GIVE_UP_AFTER else self._again, message, told)
        else:
            await asyncio.to_thread(self._done, message)

    def _done(self, message: Message) -> None:
        with self._db.write() as connection:
            outbox.done(connection, message.id, self._now())

    def _again(self, message: Message, error: str) -> None:
        with self._db.write() as connection:
            outbox.again(connection, message, self._now(), error)

    def _give_up(self, message: Message, error: str) -> None:
        with self._db.write() as connection:
            outbox.give_up(connection, message.id, self._now(), error)
