"""From an event to its deliveries: one for each endpoint that wants it, and one for the address a request named.

The handler of the outbox's topic `event`; safe to be called twice, because a delivery exists once for its message.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite

from app.generation import views
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Broken
from app.kernel.ids import new_id
from app.kernel.outbox import Message
from app.kernel.plain import from_plain
from app.notify import webhook_bodies as bodies
from app.notify.webhook_bodies import Describe
from app.notify.webhook_endpoints import ENABLED, ENDPOINT, WAITING, Endpoints, Owner
from app.notify.webhook_tables import webhook_delivery, webhook_endpoint

GENERATION = "generation."
STARTED = "generation.started"


class Target(NamedTuple):
    """Where one copy goes, and what it says there."""

    endpoint_id: str
    url: str
    type: str
    body: str


class FanOut:
    """`describe` says what the API says about a generation; until somebody gives it, events of generations wait."""

    def __init__(self, db: Database, endpoints: Endpoints, now: Clock) -> None:
        self._db, self._endpoints, self._now = db, endpoints, now
        self.describe: Describe | None = None

    async def __call__(self, message: Message) -> None:
        await asyncio.to_thread(self._spread, message)

    async def billing(self, message: Message) -> None:
        """What is announced, to the house's endpoints."""
        await asyncio.to_thread(self._announce, message)

    def _announce(self, message: Message) -> None:
        told = message.payload
        body = bodies.announced(told["type"], datetime.fromisoformat(told["at"]), from_plain(told["data"]))
        with self._db.write() as connection:
            for row in _listening(connection, None, told["type"]):
                target = Target(row.id, row.url, told["type"], body)
                put(connection, None, target, message_id_of(message.id), self._now())

    def _spread(self, message: Message) -> None:
        told = message.payload
        at = datetime.fromisoformat(told["at"])
        data, origin = self._data(told)
        with self._db.write() as connection:
            found = [
                Target(row.id, row.url, told["type"], bodies.body(told["type"], at, data))
                for row in _listening(connection, told["workspace_id"], told["type"])
            ]
            if told["url"] is not None:
                found.append(self._named(connection, told, at, data, origin))
            for target in found:
                put(connection, told["workspace_id"], target, message_id_of(message.id), self._now())

    def _named(
        self, connection: Connection, told: Mapping[str, Any], at: datetime, data: Mapping[str, Any], origin: str
    ) -> Target:
        """The copy for the address that the request named, in the words of the API it was made through."""
        row = self._endpoints.request_row(connection, told["workspace_id"])
        if origin == bodies.VIDEOS:
            return Target(row.id, told["url"], *bodies.video(told["type"], at, data))
        return Target(row.id, told["url"], told["type"], bodies.body(told["type"], at, data))

    def _data(self, told: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        """What the event says, and through which door its generation came. One that has ended is read as it is now."""
        data = from_plain(told["data"])
        if not told["type"].startswith(GENERATION) or told["type"] == STARTED:
            return data, ""
        if self.describe is None:
            raise Broken("Nobody told this process how the API describes a generation.")
        with self._db.read() as connection:
            seen = views.find(connection, data["id"], told["workspace_id"])
        return self.describe(seen), str(seen.row["origin"])


def put(
    connection: Connection,
    workspace_id: Owner,
    target: Target,
    message_id: str,
    now: datetime,
    *,
    replay: int = 0,
    is_test: bool = False,
) -> str:
    """A delivery, due now; the id of it, or of the one that was there before."""
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    key = {"endpoint_id": target.endpoint_id, "message_id": message_id, "url": target.url, "replay": replay}
    row = {
        **key,
        "id": new_id("whd"),
        "workspace_id": workspace_id,
        "type": target.type,
        "body": target.body,
        "is_test": is_test,
        "state": WAITING,
        "attempts": 0,
        "next_at": now,
        "created_at": now,
    }
    unless_known = made(webhook_delivery).values(row).on_conflict_do_nothing(index_elements=list(key))
    if connection.execute(unless_known.returning(webhook_delivery.c.id)).first() is not None:
        return str(row["id"])
    same = [webhook_delivery.c[name] == value for name, value in key.items()]
    return str(connection.execute(select(webhook_delivery.c.id).where(*same)).scalar_one())


def message_id_of(outbox_id: str) -> str:
    """The `webhook-id` of a promise: receivers know by it what they have had."""
    return f"msg_{outbox_id.partition('_')[2]}"


def _listening(connection: Connection, workspace_id: Owner, type_: str) -> list[Row[Any]]:
    query = select(webhook_endpoint).where(
        webhook_endpoint.c.workspace_id == workspace_id,
        webhook_endpoint.c.kind == ENDPOINT,
        webhook_endpoint.c.state == ENABLED,
    )
    return [row for row in connection.execute(query) if not row.types or type_ in row.types]
