"""The sender: takes what is due to its address, writes down what came of it, and tries again at growing intervals.

Many at once, but few to one endpoint, so that a slow one delays nobody else. A process that is killed in the middle of
an attempt leaves a delivery that is taken up again under the same `webhook-id`.
"""

import asyncio
import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from app.kernel import faults, meters, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.events import Listeners
from app.notify import webhook_endpoints as endpoints
from app.notify.webhook_endpoints import DROPPED, FAILING, GONE, REQUEST, WAITING, Endpoints
from app.notify.webhook_tables import webhook_attempt, webhook_delivery, webhook_endpoint
from app.notify.webhook_wire import Answer, Wire

DELIVERED, FAILED = "delivered", "failed"
#: Waiting time after the first, second, … attempt that failed. When the last one has failed nothing more is sent.
BACKOFF = tuple(
    timedelta(seconds=seconds) for seconds in (5, 15, 45, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
#: For an address that a request named: nobody waits for that long.
BACKOFF_OF_REQUESTS = BACKOFF[:5]
#: An endpoint that took nothing for this long is turned off, and its owners are told.
DISABLE_AFTER = timedelta(days=3)
HIDE = timedelta(minutes=2)
AT_ONCE, AT_ONCE_EACH = 32, 4
LOOK_SECONDS = 0.5

log = logging.getLogger("farebox.webhooks")


class Sender:
    def __init__(self, db: Database, endpoints: Endpoints, wire: Wire, listeners: Listeners, now: Clock) -> None:
        self._db, self._endpoints, self._wire, self._listeners, self._now = db, endpoints, wire, listeners, now

    async def run(self) -> int:
        """Send what is due; answers how many attempts were made."""
        count, under_way = 0, dict[asyncio.Task[None], str]()
        try:
            while True:
                busy = Counter(under_way.values())
                batch = await asyncio.to_thread(self._claim, AT_ONCE - len(under_way), busy)
                for row in batch:
                    under_way[asyncio.create_task(self._attempt(row))] = row.endpoint_id
                count += len(batch)
                if not under_way:
                    return count
                finished, _ = await asyncio.wait(under_way, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    del under_way[task]
                    task.result()
        finally:
            for task in under_way:
                task.cancel()

    def _claim(self, room: int, busy: Counter[str]) -> list[Any]:
        """What is due, at most `AT_ONCE_EACH` for one endpoint, hidden from everybody else for a while."""
        if room <= 0:
            return []
        now = self._now()
        full = [endpoint_id for endpoint_id, count in busy.items() if count >= AT_ONCE_EACH]
        with self._db.read() as connection:
            if connection.execute(_due(now, full).limit(1)).first() is None:
                return []
        with self._db.write() as connection:
            wanted = _due(now, full).order_by(webhook_delivery.c.next_at, webhook_delivery.c.id).limit(AT_ONCE * 4)
            ids: list[str] = []
            taken = Counter(busy)
            for row in connection.execute(wanted.with_for_update(skip_locked=True, of=webhook_delivery)):
                if len(ids) < room and taken[row.endpoint_id] < AT_ONCE_EACH:
                    ids.append(row.id)
                    taken[row.endpoint_id] += 1
            mine = update(webhook_delivery).where(webhook_delivery.c.id.in_(ids))
            connection.execute(mine.values(attempts=webhook_delivery.c.attempts + 1, next_at=now + HIDE))
            return list(connection.execute(_with_endpoint().where(webhook_delivery.c.id.in_(ids))))

    async def _attempt(self, row: Any) -> None:
        began = self._now()
        faults.point("webhook.after_claim")
        try:
            secrets = self._endpoints.secrets_of(row, began)
            answer = await self._wire.post(row.url, row.body, row.message_id, secrets, began)
            meters.WEBHOOK_ATTEMPTS.labels("delivered" if answer.is_accepted else "failed").inc()
            faults.point("webhook.after_answer")
            await asyncio.to_thread(self._judge, row, answer, began)
        except Exception:
            log.exception("%s could not be sent; it is tried again", row.id)

    def _judge(self, row: Any, answer: Answer, began: datetime) -> None:
        """Write down the attempt and what follows from it, in one transaction."""
        now = self._now()
        with self._db.write() as connection:
            connection.execute(insert(webhook_attempt).values(_attempt_row(row, answer, began)))
            mine = update(webhook_delivery).where(
                webhook_delivery.c.id == row.id, webhook_delivery.c.state.in_((WAITING, DROPPED))
            )
            if answer.is_accepted:
                connection.execute(mine.values(state=DELIVERED, status=answer.status, error=None, finished_at=now))
                _went_well(connection, row, now)
                return
            waits = None if row.is_test else _wait_after(row.kind, row.attempts, answer)
            values: dict[str, Any] = {"status": answer.status, "error": _why(answer)}
            values |= {"state": FAILED, "finished_at": now} if waits is None else {"next_at": now + waits}
            connection.execute(mine.where(webhook_delivery.c.state == WAITING).values(values))
            turned_off = not row.is_test and self._went_badly(connection, row, answer, now)
        if turned_off:
            self._listeners.forget()
            log.warning("the webhook endpoint %s was turned off: %s", row.endpoint_id, _why(answer))

    def _went_badly(self, connection: Connection, row: Any, answer: Answer, now: datetime) -> bool:
        """Note since when it fails; turn it off when that is too long, or when it says that it is gone for good."""
        if row.kind == REQUEST:
            return False
        mine = update(webhook_endpoint).where(webhook_endpoint.c.id == row.endpoint_id)
        connection.execute(mine.where(webhook_endpoint.c.failing_since.is_(None)).values(failing_since=now))
        of = select(webhook_endpoint.c.failing_since).where(webhook_endpoint.c.id == row.endpoint_id)
        since = connection.execute(of).scalar_one()
        reason = GONE if answer.status == 410 else FAILING if since <= now - DISABLE_AFTER else None
        if reason is None or not endpoints.turn_off(connection, row.endpoint_id, reason, now):
            return False
        endpoints.listen(connection, row.workspace_id, now)
        outbox.mail(
            connection,
            "webhook_disabled",
            key=f"webhook_disabled:{row.endpoint_id}:{now:%Y-%m-%d %H:%M}",
            workspace_id=row.workspace_id,
            operators=row.workspace_id is None,
            params={"url": row.url, "reason": reason, "since": since, "said": _why(answer)},
            at=now,
        )
        return True


def _due(now: datetime, full: list[str]) -> Select[tuple[str, str]]:
    query = select(webhook_delivery.c.id, webhook_delivery.c.endpoint_id).where(
        webhook_delivery.c.state == WAITING, webhook_delivery.c.next_at <= now
    )
    return query.where(webhook_delivery.c.endpoint_id.not_in(full)) if full else query


def _with_endpoint() -> Select[Any]:
    known = webhook_endpoint.c
    return select(webhook_delivery, known.kind, known.secret, known.previous_secret, known.previous_until).join(
        webhook_endpoint, known.id == webhook_delivery.c.endpoint_id
    )


def _attempt_row(row: Any, answer: Answer, began: datetime) -> dict[str, Any]:
    return {
        "delivery_id": row.id,
        "number": row.attempts,
        "started_at": began,
        "milliseconds": answer.milliseconds,
        "address": answer.address,
        "request_headers": dict(answer.request_headers),
        "status": answer.status,
        "response_headers": dict(answer.headers),
        "response_body": answer.body,
        "error": answer.error,
    }


def _went_well(connection: Connection, row: Any, now: datetime) -> None:
    mine = update(webhook_endpoint).where(webhook_endpoint.c.id == row.endpoint_id)
    connection.execute(mine.values(failing_since=None, last_success_at=now))


def _wait_after(kind: str, attempts: int, answer: Answer) -> timedelta | None:
    """How long until the next attempt; None when there is none."""
    waits = BACKOFF_OF_REQUESTS if kind == REQUEST else BACKOFF
    return None if attempts > len(waits) or answer.status == 410 else waits[attempts - 1]


def _why(answer: Answer) -> str:
    said = answer.error or f"It answered with status {answer.status}."
    return said[: outbox.LONGEST_ERROR]
