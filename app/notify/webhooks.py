"""Webhooks in one hand: endpoints, what was sent to them, sending, and asking for it again."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, delete, exists, func, select

from app.kernel import events
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import LimitReached, NotFound
from app.kernel.events import Listeners
from app.kernel.ids import is_id, new_id
from app.kernel.outbox import Message
from app.kernel.secrets import Vault
from app.notify import webhook_bodies as bodies
from app.notify.webhook_bodies import Describe
from app.notify.webhook_endpoints import DELETED, WAITING, Endpoints, Owner
from app.notify.webhook_fanout import FanOut, Target, put
from app.notify.webhook_sender import Sender
from app.notify.webhook_tables import webhook_attempt, webhook_delivery, webhook_endpoint
from app.notify.webhook_wire import Wire

STATES = ("waiting", "delivered", "failed", "dropped")
PAGE = 50
MOST_PAGE = 200
MOST_REPLAYS = 20
#: Test events that may wait for one endpoint: nobody sends a flood by pressing a button.
MOST_TESTS_WAITING = 5
KEPT_FOR = timedelta(days=30)


class Opened(NamedTuple):
    """A delivery with its attempts, the oldest first."""

    delivery: Row[Any]
    attempts: list[Row[Any]]


class Webhooks:
    def __init__(self, db: Database, vault: Vault, listeners: Listeners, now: Clock, wire: Wire) -> None:
        self._db, self._now, self._wire = db, now, wire
        self.endpoints = Endpoints(db, vault, wire, listeners, now)
        self._fan_out = FanOut(db, self.endpoints, now)
        self._sender = Sender(db, self.endpoints, wire, listeners, now)

    def describe_with(self, describe: Describe) -> None:
        """How the API describes a generation; given once at start by whoever knows the API."""
        self._fan_out.describe = describe

    def check(self, url: str) -> str:
        """An address that a request named, if it may be named; `InvalidInput` "invalid_url" otherwise."""
        return self._wire.check(url)

    # --- the chores

    async def spread(self, message: Message) -> None:
        """Handler of the outbox's topic of events."""
        await self._fan_out(message)

    async def spread_billing(self, message: Message) -> None:
        """Handler of the outbox's topic of what is announced to the house's endpoints."""
        await self._fan_out.billing(message)

    async def send(self) -> int:
        """Send what is due."""
        return await self._sender.run()

    async def forget(self) -> int:
        """Delete what is too old to be asked for."""
        return await asyncio.to_thread(self._forget)

    # --- the log

    def deliveries(
        self,
        workspace_id: Owner,
        *,
        endpoint_id: str | None = None,
        state: str | None = None,
        type_: str | None = None,
        before: str | None = None,
        limit: int = PAGE,
    ) -> list[Row[Any]]:
        """What was or is to be sent, newest first; everything given must hold."""
        columns = [column for column in webhook_delivery.columns if column.name != "body"]
        query: Select[Any] = select(*columns, webhook_endpoint.c.description, webhook_endpoint.c.kind).join(
            webhook_endpoint, webhook_endpoint.c.id == webhook_delivery.c.endpoint_id
        )
        query = query.where(webhook_delivery.c.workspace_id == workspace_id)
        given = {"endpoint_id": endpoint_id, "state": state, "type": type_}
        for name, value in given.items():
            if value:
                query = query.where(webhook_delivery.c[name] == value)
        if before:
            query = query.where(webhook_delivery.c.id < before)
        with self._db.read() as connection:
            return list(connection.execute(query.order_by(webhook_delivery.c.id.desc()).limit(limit)))

    def open(self, workspace_id: Owner, delivery_id: str) -> Opened:
        """One delivery of the workspace's with every attempt; `NotFound` for any other."""
        with self._db.read() as connection:
            row = _own(connection, workspace_id, delivery_id)
            query = select(webhook_attempt).where(webhook_attempt.c.delivery_id == delivery_id)
            return Opened(row, list(connection.execute(query.order_by(webhook_attempt.c.number))))

    def replay(self, workspace_id: Owner, delivery_id: str) -> str:
        """Send the same message again, under the same `webhook-id`; the id of the new delivery.

        To the endpoint's present address, also when it is off: somebody asked for it. `LimitReached` after
        `MOST_REPLAYS`.
        """
        with self._db.write() as connection:
            row = _own(connection, workspace_id, delivery_id)
            endpoint = connection.execute(
                select(webhook_endpoint).where(webhook_endpoint.c.id == row.endpoint_id)
            ).one()
            if endpoint.state == DELETED:
                raise NotFound("Its endpoint was deleted.", code="endpoint_not_found")
            same = (webhook_delivery.c.endpoint_id == row.endpoint_id) & (
                webhook_delivery.c.message_id == row.message_id
            )
            last = connection.execute(select(func.max(webhook_delivery.c.replay)).where(same)).scalar_one()
            if last >= MOST_REPLAYS:
                raise LimitReached(f"A message is sent again at most {MOST_REPLAYS} times.")
            target = Target(row.endpoint_id, endpoint.url or row.url, row.type, row.body)
            return put(
                connection, workspace_id, target, row.message_id, self._now(), replay=last + 1, is_test=row.is_test
            )

    def test(self, workspace_id: Owner, endpoint_id: str) -> str:
        """Send a test event to this endpoint alone; the id of the delivery. It is tried once. `LimitReached` while too
        many wait."""
        endpoint, now = self.endpoints.find(workspace_id, endpoint_id), self._now()
        data = {"object": "test", "endpoint": endpoint.id, "message": "If you can read this, it works."}
        made = bodies.announced if workspace_id is None else bodies.body
        target = Target(endpoint.id, endpoint.url, events.TEST, made(events.TEST, now, data))
        waiting = select(func.count()).where(
            webhook_delivery.c.endpoint_id == endpoint_id,
            webhook_delivery.c.state == WAITING,
            webhook_delivery.c.is_test.is_(True),
        )
        with self._db.write() as connection:
            if connection.execute(waiting).scalar_one() >= MOST_TESTS_WAITING:
                raise LimitReached("Test events are waiting to be sent already.", retry_after_seconds=10)
            return put(connection, workspace_id, target, new_id("msg"), now, is_test=True)

    # --- figures

    def backlog(self) -> int:
        """How many deliveries wait, whether for their first attempt or for the next."""
        with self._db.read() as connection:
            query = select(func.count()).select_from(webhook_delivery).where(webhook_delivery.c.state == WAITING)
            return int(connection.execute(query).scalar_one())

    def _forget(self) -> int:
        before: datetime = self._now() - KEPT_FOR
        old = webhook_delivery.c.finished_at < before
        with self._db.write() as connection:
            ids = select(webhook_delivery.c.id).where(old)
            connection.execute(delete(webhook_attempt).where(webhook_attempt.c.delivery_id.in_(ids)))
            count = connection.execute(delete(webhook_delivery).where(old)).rowcount
            used = exists().where(webhook_delivery.c.endpoint_id == webhook_endpoint.c.id)
            connection.execute(delete(webhook_endpoint).where(webhook_endpoint.c.state == DELETED, ~used))
        return count


def _own(connection: Any, workspace_id: Owner, delivery_id: str) -> Row[Any]:
    query = select(webhook_delivery).where(
        webhook_delivery.c.workspace_id == workspace_id, webhook_delivery.c.id == delivery_id
    )
    row: Row[Any] | None = connection.execute(query).first() if is_id(delivery_id, "whd") else None
    if row is None:
        raise NotFound(f"There is no webhook delivery {delivery_id[:64]}.", code="delivery_not_found")
    return row
