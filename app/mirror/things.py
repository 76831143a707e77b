"""Customers and subscriptions: which of them do not stand at the remote as they stand here, and sending those.

What is due is found by comparing, not by being told: whatever was made, changed or missed while the mirror was off or
the remote was down, is due. Every send first looks at what is there, so one that was killed before it was written down
is not made twice.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select

from app.billing.tables import subscription
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Broken
from app.mirror import book, wire
from app.mirror.book import CUSTOMER, FAILED, PLAN, SENT, SUBSCRIPTION, WAITING
from app.mirror.remote import LONGEST_REASON, Refused, Remote, RemoteSubscription, Unreachable
from app.mirror.tables import mirror_item
from app.plans.tables import PUBLISHED, customer, plan

AT_ONCE: Final = 100
_ITEM = mirror_item.c
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Things:
    """One turn is `run`; it stops at the first `Unreachable`, which the caller handles."""

    db: Database
    remote: Remote
    clock: Clock

    def run(self) -> int:
        """Send what is due; answers how many things that were."""
        return (
            self._each(CUSTOMER, due_customers, self._customer)
            + self._each(PLAN, due_plans, self._plan)
            + self._each(SUBSCRIPTION, due_subscriptions, self._subscription)
        )

    def _each(
        self, kind: str, due: Callable[[Connection, datetime], list[RowMapping]], send: Callable[[RowMapping], None]
    ) -> int:
        done = 0
        while True:
            with self.db.read() as connection:
                rows = due(connection, self.clock())
            for row in rows:
                self._one(kind, row, send)
            done += len(rows)
            if len(rows) < AT_ONCE:
                return done

    def _one(self, kind: str, row: RowMapping, send: Callable[[RowMapping], None]) -> None:
        """What is wrong with one, whatever it is, keeps no other from being sent."""
        try:
            send(row)
        except (Unreachable, Broken):
            raise
        except Exception as error:
            log.exception("%s %s cannot be sent to the mirror", kind, row["id"])
            seen = {CUSTOMER: ("seen_at", "updated_at"), SUBSCRIPTION: ("seen_version", "version")}.get(kind)
            refused = Refused(f"{type(error).__name__}: {error}"[:LONGEST_REASON])
            self._refused(kind, row["id"], refused, **({seen[0]: row[seen[1]]} if seen else {}))

    def _customer(self, row: RowMapping) -> None:
        seen = {"seen_at": row["updated_at"]}
        try:
            remote_id = self._put(row)
        except Refused as error:
            self._refused(CUSTOMER, row["id"], error, **seen)
            return
        faults.point("mirror.after_customer")
        with self.db.write() as connection:
            book.sent(connection, CUSTOMER, row["id"], remote_id, self.clock(), **seen)

    def _put(self, row: RowMapping) -> str:
        said = wire.customer(dict(row))
        try:
            return self.remote.put_customer(said, row["remote_id"])
        except Refused as refused:
            if row["remote_id"] is None or refused.details.get("status") != 404:
                raise
            return self.remote.put_customer(said, None)  # somebody deleted it there

    def _plan(self, row: RowMapping) -> None:
        named = [name for name in (row["lookup_key"], row["id"]) if name]
        try:
            found = next((remote_id for name in named if (remote_id := self.remote.plan(name))), None)
        except Refused as error:
            self._refused(PLAN, row["id"], error)
            return
        if found is None:
            said = f"No plan there has the lookup key {' or '.join(named)}: make one, or name its id here."
            self._refused(PLAN, row["id"], Refused(said), for_good=True)
            return
        with self.db.write() as connection:
            book.sent(connection, PLAN, row["id"], found, self.clock())

    def _subscription(self, row: RowMapping) -> None:
        seen = {"seen_version": row["version"]}
        try:
            there = self._there(row)
            state = self._bring(row, there)
        except Refused as error:
            self._refused(SUBSCRIPTION, row["id"], error, **seen)
            return
        with self.db.write() as connection:
            book.sent(connection, SUBSCRIPTION, row["id"], there.id, self.clock(), remote_state=state, **seen)

    def _there(self, row: RowMapping) -> RemoteSubscription:
        """The subscription as it is there; made if it is not."""
        if row["remote_id"] is not None and (known := self.remote.subscription(row["remote_id"])) is not None:
            return known
        every = self.remote.subscriptions_of(row["external_id"])
        found = next((one for one in every if one.ours == row["id"]), None)
        if found is None:
            found = self.remote.make_subscription(wire.subscription(dict(row), row["external_id"], row["remote_plan"]))
            faults.point("mirror.after_subscription")
        return found

    def _bring(self, row: RowMapping, there: RemoteSubscription) -> str:
        """Do there what was done here; the state it then has."""
        here = wire.Standing(row["state"], row["remote_plan"])
        if there.state == "cancelled" and here.state != "cancelled":
            raise Refused("It was cancelled there and is not here: make a new one, or cancel it here.")
        acts = {
            "pause": lambda: self.remote.pause(there.id),
            "resume": lambda: self.remote.resume(there.id),
            "cancel": lambda: self.remote.cancel(there.id),
            "change": lambda: self.remote.change_plan(there.id, row["remote_plan"], dict(row)),
        }
        steps = wire.steps(wire.Standing(there.state, there.plan_id), here)
        for step in steps:
            acts[step]()
        return here.state if steps else there.state

    def _refused(self, kind: str, our_id: str, error: Refused, *, for_good: bool = False, **seen: Any) -> None:
        with self.db.write() as connection:
            book.refused(connection, kind, our_id, error.message, self.clock(), for_good=for_good, **seen)


def due_customers(connection: Connection, now: datetime) -> list[RowMapping]:
    """Customers who are not there as they are here."""
    changed = or_(_ITEM.seen_at.is_(None), _ITEM.seen_at != customer.c.updated_at)
    query = (
        select(customer, _ITEM.remote_id)
        .outerjoin(mirror_item, and_(_ITEM.kind == CUSTOMER, _ITEM.our_id == customer.c.id))
        .where(customer.c.status == PUBLISHED, _is_due(changed, now))
        .order_by(customer.c.id)
        .limit(AT_ONCE)
    )
    return list(connection.execute(query).mappings())


def due_plans(connection: Connection, now: datetime) -> list[RowMapping]:
    """Plans that subscriptions wait for and whose counterpart was not looked for yet."""
    used = select(subscription.c.plan_id).where(subscription.c.state.in_(wire.BEGUN - {"cancelled"}))
    query = (
        select(plan.c.id, plan.c.lookup_key)
        .outerjoin(mirror_item, and_(_ITEM.kind == PLAN, _ITEM.our_id == plan.c.id))
        .where(plan.c.id.in_(used), or_(_ITEM.our_id.is_(None), _is_waiting(now)))
        .order_by(plan.c.id)
        .limit(AT_ONCE)
    )
    return list(connection.execute(query).mappings())


def due_subscriptions(connection: Connection, now: datetime) -> list[RowMapping]:
    """Subscriptions that are not there as they are here, whose customer and plan are. One that was over before the
    remote heard of it is not mirrored."""
    theirs, whose = mirror_item.alias("of_plan"), mirror_item.alias("of_customer")
    changed = or_(_ITEM.seen_version.is_(None), _ITEM.seen_version != subscription.c.version)
    begun = or_(subscription.c.state.in_(wire.BEGUN - {"cancelled"}), _ITEM.remote_id.is_not(None))
    query = (
        select(subscription, _ITEM.remote_id, customer.c.external_id, theirs.c.remote_id.label("remote_plan"))
        .join(customer, customer.c.id == subscription.c.customer_id)
        .join(whose, and_(whose.c.kind == CUSTOMER, whose.c.our_id == customer.c.id, whose.c.remote_id.is_not(None)))
        .join(theirs, and_(theirs.c.kind == PLAN, theirs.c.our_id == subscription.c.plan_id, theirs.c.state == SENT))
        .outerjoin(mirror_item, and_(_ITEM.kind == SUBSCRIPTION, _ITEM.our_id == subscription.c.id))
        .where(begun, _is_due(changed, now))
        .order_by(subscription.c.id)
        .limit(AT_ONCE)
    )
    return list(connection.execute(query).mappings())


def _is_due(changed: ColumnElement[bool], now: datetime) -> ColumnElement[bool]:
    """Never sent, changed since it was sent (or refused), or to be tried again."""
    return or_(_ITEM.our_id.is_(None), and_(_ITEM.state.in_((SENT, FAILED)), changed), _is_waiting(now))


def _is_waiting(now: datetime) -> ColumnElement[bool]:
    return and_(_ITEM.state == WAITING, _ITEM.next_at <= now)
