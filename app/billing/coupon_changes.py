"""Coupons that a subscription gets, or loses, while it runs: of the whole, or of one of its lines."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from app.billing import agreeing, subscriptions
from app.billing.lifecycle import State
from app.kernel.errors import Conflict, NotFound
from app.kernel.given import Given
from app.plans import reductions


def give(
    connection: Connection, row: Row[Any], given: Given, now: datetime, *, line: Row[Any] | None = None
) -> Row[Any]:
    """One more, from `start_date` or now until `end_date`: it is redeemed as at the beginning. `row` was read under
    the lock. `Conflict` for one that is there already, and for a subscription or a line that is over."""
    if row.state == State.CANCELLED or (line is not None and line.end_at is not None and line.end_at <= now):
        raise Conflict("What has ended takes no coupon.", code="invalid_operation")
    start, end = given.maybe_moment("start_date") or now, given.maybe_moment("end_date")
    if end is not None and end <= max(start, now):
        raise given.wrong("end_date", "must be after start_date, and not past.")
    found = agreeing.coupon(connection, given.text("coupon_code"), row.currency)
    kept = found | {"start_date": start.isoformat()} | ({"end_date": end.isoformat()} if end else {})
    kept |= {"line_id": line.id} if line is not None else {}
    coupons = row.agreed.get("coupons") or ()
    if any(_is_same(each, kept) and not _is_over(each, start) for each in coupons):
        raise Conflict("This coupon is there already.", code="invalid_operation")
    reductions.redeem_all(connection, [kept["coupon_id"]], now=now)
    return subscriptions.change(connection, row, now, agreed={**row.agreed, "coupons": [*coupons, kept]})


def take_back(connection: Connection, row: Row[Any], association_id: str, now: datetime) -> Row[Any]:
    """It takes nothing off any more: neither of drafts nor of what comes. `NotFound` where the subscription has no
    such one; what is over already stays as it is."""
    coupons = list(row.agreed.get("coupons") or ())
    place = next((at for at, each in enumerate(coupons) if each.get("id") == association_id), None)
    if place is None:
        raise NotFound(f"There is no coupon association {association_id[:100]}.", code="coupon_association_not_found")
    if _is_over(coupons[place], now):
        return row
    coupons[place] = {**coupons[place], "end_date": now.isoformat()}
    return subscriptions.change(connection, row, now, agreed={**row.agreed, "coupons": coupons})


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(name) == other.get(name) for name in ("coupon_id", "line_id", "price_id"))


def _is_over(association: Mapping[str, Any], at: datetime) -> bool:
    end = association.get("end_date")
    return end is not None and datetime.fromisoformat(end) <= at
