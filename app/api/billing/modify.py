"""`/subscriptions/{id}/modify`: quantities and addons of a subscription that runs, tried or done."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter
from sqlalchemy import Connection, Row

from app.api.billing import invoice_wire, wire
from app.api.billing import subscription_wire as show
from app.api.billing.common import Billing, Body
from app.billing import addons, agreeing, quantities, subscriptions
from app.billing.trying import tried
from app.kernel.errors import InvalidInput
from app.kernel.given import Given
from app.plans.keys import BillingKey

Wire = dict[str, Any]
#: What is served, and where the SDK puts what is asked for.
KINDS: Final = {"quantity_change": "quantity_change_params", "addon": "addon_params"}
INSTEAD: Final = "is not served: other changes have addresses of their own."


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    def doing(key: BillingKey, subscription_id: str, body: Body, state: str) -> Callable[[Connection], Wire]:
        def do(connection: Connection) -> Wire:
            changed = _do(connection, subscription_id, body, key, state)
            row = subscriptions.find(connection, subscription_id)
            mine = {"id": row.id, "action": "updated", "status": row.state}
            mine["current_period_end"] = wire.moment(row.period_end)
            return {
                "subscription": show.shown(connection, row),
                "changed_resources": changed | {"subscriptions": [mine]},
            }

        return do

    def _do(connection: Connection, subscription_id: str, body: Given, key: BillingKey, state: str) -> Wire:
        kind, now = _kind(body), clock()
        asked = body.object(KINDS[kind])
        if kind == "quantity_change":
            wishes = asked.objects("line_items", least=1, most=100)
            done = quantities.change(connection, subscription_id, wishes, actor=key.id, now=now)
            lines = [*_lines(done.ended, "ended"), *_lines(done.begun, "created")]
            return {"line_items": lines, "invoices": _invoices(connection, done.invoice, state)}
        row = subscriptions.find(connection, subscription_id, lock=True)
        if asked.choice("action", ("add", "remove")) == "add":
            wish = addons.read(connection, asked.object("add"), agreeing.rhythm_of(row), now)
            added = addons.add(connection, row.id, wish, actor=key.id, now=now)
            what = "created"
        else:
            added, what = _removed(connection, row, asked.object("remove"), key, billing), "ended"
        return {
            "addon_associations": [_addon(added.kept, what, addons.status_of(added.kept, now))],
            "invoices": _invoices(connection, added.invoice, state),
        }

    @api.post("/subscriptions/{subscription_id}/modify/preview")
    def preview(key: Key, subscription_id: str, body: Body) -> Wire:
        return tried(db, doing(key, subscription_id, body, "preview"))

    @api.post("/subscriptions/{subscription_id}/modify/execute")
    def execute(key: Key, subscription_id: str, body: Body) -> Wire:
        with db.write() as connection:
            return doing(key, subscription_id, body, "issued")(connection)

    return api


def _kind(body: Given) -> str:
    """`InvalidInput` "not_served" for what is changed in other ways here."""
    kind = body.text("type")
    for name, said in body.raw.items():
        if name.endswith("_params") and said and name != KINDS.get(kind):
            raise InvalidInput(f"{name} {INSTEAD}", param=name, code="not_served")
    if kind not in KINDS:
        raise InvalidInput(f"type {kind[:100]} {INSTEAD}", param="type", code="not_served")
    return kind


def _removed(connection: Connection, row: Row[Any], asked: Given, key: BillingKey, billing: Billing) -> addons.Done:
    if addons.find(connection, asked.text("addon_association_id")).subscription_id != row.id:
        raise asked.wrong("addon_association_id", "is of another subscription.")
    return addons.remove(
        connection,
        asked.text("addon_association_id"),
        at=asked.maybe_moment("effective_date"),
        at_period_end=asked.maybe_choice("change_at", (addons.NOW, addons.LATER)) == addons.LATER,
        prorate=show.prorates(asked),
        reason=asked.maybe("reason") or "",
        actor=key.id,
        now=billing.clock(),
    )


def _lines(rows: quantities.Rows, what: str) -> list[Wire]:
    return [
        {
            "id": line.id,
            "change_action": what,
            "price_id": line.price_id,
            "quantity": wire.decimal(line.quantity),
            "subscription_id": line.subscription_id,
            "start_date": wire.moment(line.start_at),
            "end_date": wire.moment(line.end_at),
        }
        for line in rows
    ]


def _addon(kept: Row[Any], what: str, status: str) -> Wire:
    return {
        "id": kept.id,
        "change_action": what,
        "addon_id": kept.addon_id,
        "addon_status": status,
        "subscription_id": kept.subscription_id,
        "start_date": wire.moment(kept.start_at),
        "end_date": wire.moment(kept.end_at),
    }


def _invoices(connection: Connection, made: Row[Any] | None, state: str) -> list[Wire]:
    if made is None:
        return []
    said = invoice_wire.shown(connection, made)
    return [{"id": made.id, "action": "created", "status": state, "invoice": said}]
