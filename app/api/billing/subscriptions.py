"""`/subscriptions`: who is on which plan, since when, and what comes of it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection, Row

from app.api.billing import invoice_wire, wire
from app.api.billing import subscription_wire as show
from app.api.billing.common import Billing, Body, OptionalBody, Query, require
from app.api.billing.unserved import expands
from app.billing import (
    addons,
    agreeing,
    beginning,
    closing,
    joining,
    line_changes,
    plan_changes,
    prorating,
    subscriptions,
    syncing,
    turns,
    undo,
)
from app.billing.lifecycle import State
from app.billing.rating import RatedLine, amount_of
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.given import Given
from app.plans import customers as customer_book
from app.plans.keys import BillingKey

CHANGES_AT = ("immediate", "end_of_period")


def with_addons(billing: Billing) -> APIRouter:
    """The addons of subscriptions."""
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.post("/subscriptions/addon")
    def add_addon(key: Key, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            row = closing.catch_up(connection, body.text("subscription_id"), now=now, actor=key.id)
            wish = addons.read(connection, body, agreeing.rhythm_of(row), now)
            done = addons.add(connection, row.id, wish, actor=key.id, now=now)
            made = done.invoice and invoice_wire.shown(connection, done.invoice)
            return show.addon(done.kept, now) | {"invoice": made}

    @api.delete("/subscriptions/addon")
    def remove_addon(key: Key, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            done = addons.remove(
                connection,
                body.text("addon_association_id"),
                at=body.maybe_moment("effective_date"),
                at_period_end=body.maybe_choice("change_at", (addons.NOW, addons.LATER)) == addons.LATER,
                prorate=show.prorates(body),
                reason=body.maybe("reason") or "",
                actor=key.id,
                now=now,
            )
            return {"message": f"The addon ends at {wire.moment(done.kept.end_at)}."}

    @api.get("/subscriptions/{subscription_id}/addons/associations")
    def addons_of(_key: Key, subscription_id: str) -> dict[str, Any]:
        with db.read() as connection:
            row = subscriptions.find(connection, subscription_id)
            found = [show.addon(each, clock()) for each in addons.of_subscription(connection, row.id)]
            return {"items": found}

    return api


def lines(billing: Billing) -> APIRouter:
    """The lines of subscriptions, and a plan's new prices for them."""
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.post("/subscriptions/lineitems/search")
    def search_lines(_key: Key, body: OptionalBody) -> dict[str, Any]:
        with db.read() as connection:
            found = show.find_lines(connection, body, clock())
            wish = expands(body.raw)
            items = [show.line(subscriptions.line_of(connection, row["id"]), connection, wish) for row in found.items]
            return wire.listed(items, found.total, found.limit, found.offset)

    @api.put("/subscriptions/lineitems/{line_id}")
    def change_line(_key: Key, line_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            return show.line(line_changes.change(connection, line_id, body, clock()))

    @api.delete("/subscriptions/lineitems/{line_id}")
    def end_line(_key: Key, line_id: str, body: OptionalBody) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            return show.line(line_changes.end(connection, line_id, at=body.maybe_moment("effective_from"), now=now))

    @api.post("/subscriptions/{subscription_id}/lineitems", status_code=201)
    def add_line(key: Key, subscription_id: str, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            row = closing.catch_up(connection, subscription_id, now=now, actor=key.id)
            if row.state == State.CANCELLED:
                raise Conflict("A cancelled subscription takes no more lines.", code="invalid_operation")
            wanted = agreeing.line_of(connection, body, agreeing.rhythm_of(row), now, actor=key.id)
            subscriptions.require_open(row, wanted.start_at or now, "start_date")
            (made,) = joining.join(connection, row, [wanted], prorate=show.prorates(body), actor=key.id, now=now)
            return show.line(subscriptions.line_of(connection, made))

    @api.post("/plans/{plan_id}/sync/subscriptions")
    def sync(_key: Key, plan_id: str) -> dict[str, Any]:
        changed = syncing.sync(db, plan_id, clock)
        return {"message": f"{changed} subscriptions brought up to date.", "workflow_id": plan_id, "run_id": plan_id}

    return api


def changes(billing: Billing) -> APIRouter:
    """Another plan: what it would come to, and done."""
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.post("/subscriptions/{subscription_id}/change/preview")
    def preview_change(_key: Key, subscription_id: str, body: Body) -> dict[str, Any]:
        now = clock()
        with db.read() as connection:
            row = subscriptions.find(connection, subscription_id)
            to = agreeing.read_change(connection, body, row, now)
            body.choice("change_at", CHANGES_AT, "immediate")
            body.labels()
            lines = prorating.both(connection, row, to, now) if show.prorates(body) else []
            return {
                "subscription_id": row.id,
                "change_type": plan_changes.kind_of(connection, row, to, now),
                "effective_date": wire.moment(now),
                "current_plan": show.plan(connection, row.plan_id),
                "target_plan": show.plan(connection, to.plan_id),
                "proration_details": show.proration(row, lines, now),
                "warnings": [],
            }

    @api.post("/subscriptions/{subscription_id}/change/execute")
    def execute_change(key: Key, subscription_id: str, body: Body) -> dict[str, Any]:
        return _change(billing, key, subscription_id, body)

    return api


def deeds(billing: Billing) -> APIRouter:
    """What becomes of a subscription: begun, ended, paused, resumed."""
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.post("/subscriptions/{subscription_id}/activate")
    def activate(key: Key, subscription_id: str, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            turns.activate(connection, subscription_id, start_at=agreeing.day(body, "start_date") or now, now=now)
            closing.begin(connection, subscription_id, actor=key.id, now=now)
            return show.shown(connection, subscriptions.find(connection, subscription_id))

    @api.post("/subscriptions/{subscription_id}/cancel")
    def cancel(key: Key, subscription_id: str, body: Body) -> dict[str, Any]:
        return _cancel(billing, key, subscription_id, body)

    @api.post("/subscriptions/{subscription_id}/pause")
    def pause(key: Key, subscription_id: str, body: OptionalBody) -> dict[str, Any]:
        with db.write() as connection:
            row, paused = closing.pause(
                connection,
                subscription_id,
                reason=body.maybe("reason") or "",
                meta=body.labels(),
                actor=key.id,
                now=clock(),
            )
            return {"subscription": show.shown(connection, row), "pause": show.pause_of(paused)}

    @api.post("/subscriptions/{subscription_id}/resume")
    def resume(key: Key, subscription_id: str, body: OptionalBody) -> dict[str, Any]:
        with db.write() as connection:
            row, paused = joining.resume(connection, subscription_id, actor=key.id, meta=body.labels(), now=clock())
            return {"subscription": show.shown(connection, row), "pause": show.pause_of(paused)}

    return api


def router(billing: Billing) -> APIRouter:
    """Subscriptions from their beginning to their end."""
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.post("/subscriptions", status_code=201)
    def create(key: Key, body: Body) -> dict[str, Any]:
        now = clock()
        if body.has("credit_grants"):
            require(key, "wallets")
        with db.write() as connection:
            made = beginning.begin(connection, body, actor=key.id, now=now)
            return show.shown(connection, subscriptions.find(connection, made))

    @api.post("/subscriptions/search")
    def search(_key: Key, body: OptionalBody) -> dict[str, Any]:
        with db.read() as connection:
            return show.listed(connection, body)

    @api.post("/subscriptions/usage")
    def usage(_key: Key, body: Body) -> dict[str, Any]:
        with db.read() as connection:
            return show.used(connection, body, clock())

    @api.get("/subscriptions/{subscription_id}")
    def get(_key: Key, subscription_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return show.shown(connection, subscriptions.find(connection, subscription_id))

    @api.get("/subscriptions/{subscription_id}/v2")
    def get_v2(_key: Key, subscription_id: str, query: Query) -> dict[str, Any]:
        with db.read() as connection:
            return show.shown(connection, subscriptions.find(connection, subscription_id), expands(query.raw))

    @api.put("/subscriptions/{subscription_id}")
    def change(key: Key, subscription_id: str, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            row = closing.catch_up(connection, subscription_id, now=now, actor=key.id)
            if row.state == State.CANCELLED:
                raise Conflict("A cancelled subscription does not change.", code="invalid_operation")
            row = _rescheduled(connection, row, body, now)
            return show.shown(connection, row)

    @api.get("/customers/external/{external_id}/subscriptions")
    def of_customer(_key: Key, external_id: str, query: Query) -> dict[str, Any]:
        with db.read() as connection:
            customer = customer_book.by_external_id(connection, external_id)
            return show.listed(connection, Given({**query.raw, "customer_id": customer.id}))

    return api


def _rescheduled(connection: Connection, row: Row[Any], body: Given, now: datetime) -> Row[Any]:
    """When it is to end: at `cancel_at`, with its period, or (`cancel_at_period_end` false) no more than was agreed."""
    if body.maybe_choice("status", tuple(State)) not in (None, row.state):
        raise body.wrong("status", "changes by what is done: activate, pause, resume or cancel it.")
    wished, at_end = body.maybe_moment("cancel_at"), body.flag("cancel_at_period_end")
    if wished is not None and wished <= now:
        raise body.wrong("cancel_at", "lies in the future; cancel it to end it now.")
    if wished is not None and at_end:
        raise body.wrong("cancel_at_period_end", "and cancel_at are two wishes: give one of them.")
    if wished is not None and row.end_at is not None and wished > row.end_at:
        raise body.wrong("cancel_at", f"lies after the end that was agreed, {wire.moment(row.end_at)}.")
    if at_end:
        wished = min(row.period_end, row.end_at or row.period_end)
    if wished is not None:
        return subscriptions.change(connection, row, now, cancel_at=wished)
    return undo.keep(connection, row.id, now=now) if body.has("cancel_at_period_end") else row


def _cancel(billing: Billing, key: BillingKey, subscription_id: str, body: Given) -> dict[str, Any]:
    now = billing.clock()
    way = body.choice("cancellation_type", ("immediate", "end_of_period", "scheduled_date"))
    policy = body.choice("cancel_immediately_invoice_policy", ("generate_invoice", "skip"), "generate_invoice")
    prorate = show.prorates(body)
    if way != "scheduled_date" and body.has("cancel_at"):
        raise body.wrong("cancel_at", "is for the cancellation_type scheduled_date.")
    reason = body.maybe("reason") or ""
    with billing.db.write() as connection:
        made, lines = None, list[RatedLine]()
        if way == "immediate":
            row, made, lines = closing.cancel_now(
                connection,
                subscription_id,
                reason=reason,
                prorate=prorate,
                invoice=policy != "skip",
                actor=key.id,
                now=now,
            )
        else:
            before = closing.catch_up(connection, subscription_id, now=now, actor=key.id)
            at = body.moment("cancel_at") if way == "scheduled_date" else before.period_end
            if at <= now:
                raise InvalidInput("cancel_at lies in the future.", param="cancel_at")
            row = turns.cancel(connection, subscription_id, at=at, reason=reason, now=now, prorate=prorate)
        credit = -amount_of(lines, row.currency)
        return {
            "subscription_id": row.id,
            "cancellation_type": way,
            "effective_date": wire.moment(row.cancel_at or now),
            "processed_at": wire.moment(now),
            "status": row.state,
            "reason": reason or None,
            "message": "cancelled" if row.state == State.CANCELLED else "cancellation scheduled",
            "total_credit_amount": wire.decimal(credit.amount),
            "proration_details": [show.proration_detail(each, row) for each in lines],
            "proration_invoice": None if made is None else invoice_wire.shown(connection, made),
        }


def _change(billing: Billing, key: BillingKey, subscription_id: str, body: Given) -> dict[str, Any]:
    now = billing.clock()
    with billing.db.write() as connection:
        before = closing.catch_up(connection, subscription_id, now=now, actor=key.id)
        to = agreeing.read_change(connection, body, before, now)
        kind = plan_changes.kind_of(connection, before, to, now)
        made, lines = None, list[RatedLine]()
        meta, prorate = {**before.meta, **body.labels()}, show.prorates(body)
        if body.choice("change_at", CHANGES_AT, "immediate") == "end_of_period":
            row = closing.plan_change_later(connection, subscription_id, to, now=now)
        else:
            row, made, lines = closing.change_plan(
                connection, subscription_id, to, prorate=prorate, actor=key.id, now=now
            )
        if meta != before.meta:
            row = subscriptions.change(connection, row, now, meta=meta)
        later = row.next_plan is not None
        return {
            "change_type": kind,
            "effective_date": wire.moment(row.period_end if later else now),
            "is_scheduled": later,
            "metadata": body.labels(),
            "old_subscription": show.summary(before),
            "new_subscription": show.summary(row),
            "proration_applied": show.proration(row, lines, now),
            "invoice": None if made is None else invoice_wire.shown(connection, made),
        }
