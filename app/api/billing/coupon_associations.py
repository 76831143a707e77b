"""`/coupons/associations`: which coupons subscriptions were given. They are given with the subscription,
or later by `modify`, which also takes them back."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection, Row, select

from app.api.billing import show, wire
from app.api.billing import subscription_wire as words
from app.api.billing.common import Billing, Query
from app.api.billing.unserved import expands
from app.billing import tables
from app.billing.lifecycle import State
from app.kernel.errors import NotFound
from app.plans import reductions
from app.plans.keys import BillingKey
from app.plans.search import bounds

_SUB = tables.subscription
Kept = tuple[Mapping[str, Any], Row[Any]]


def router(billing: Billing) -> APIRouter:
    """Before the coupons' own addresses: `associations` is no id of one."""
    api = APIRouter(prefix="/coupons/associations", tags=["coupons"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.get("")
    def search(_key: Key, query: Query) -> dict[str, Any]:
        owners, coupons = query.listed("subscription_ids"), query.listed("coupon_ids")
        active, now, (limit, offset) = query.flag("active_only"), clock(), bounds(query)
        with db.read() as connection:
            found = [
                each
                for each in _every(connection, owners)
                if (not coupons or each[0]["coupon_id"] in coupons) and (not active or _counts(*each, now))
            ]
            page = [_shown(connection, each, query.raw) for each in found[offset : offset + limit]]
        return wire.listed(page, len(found), limit, offset)

    @api.get("/{association_id}")
    def get(_key: Key, association_id: str) -> dict[str, Any]:
        with db.read() as connection:
            for each in _every(connection):
                if each[0].get("id") == association_id:
                    return _shown(connection, each, {"expand": "coupon"})
        raise NotFound(f"There is no coupon association {association_id[:100]}.", code="coupon_association_not_found")

    return api


def _every(connection: Connection, subscription_ids: tuple[str, ...] = ()) -> Iterator[Kept]:
    """Each with its subscription, the newest subscription first."""
    query = select(_SUB).order_by(_SUB.c.created_at.desc(), _SUB.c.id.desc())
    if subscription_ids:
        query = query.where(_SUB.c.id.in_(subscription_ids))
    for row in connection.execute(query):
        for kept in row.agreed.get("coupons") or ():
            yield kept, row


def _counts(kept: Mapping[str, Any], row: Row[Any], now: datetime) -> bool:
    """Whether it lowers what is billed at this moment, as far as its dates say."""
    begun, ended = (kept.get(name) for name in ("start_date", "end_date"))
    is_on = (not begun or datetime.fromisoformat(begun) <= now) and (not ended or now < datetime.fromisoformat(ended))
    return is_on and row.state != State.CANCELLED


def _shown(connection: Connection, each: Kept, given: Mapping[str, Any]) -> dict[str, Any]:
    kept, row = each
    found = words.association(kept, row)
    if "coupon" in expands(given):
        found["coupon"] = show.coupon(reductions.coupons.get(connection, kept["coupon_id"], any_status=True))
    return found
