"""What a bill is made of besides usage, read from the database: the customer, the meters, the coupons."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.billing import tables
from app.billing.waterfall import Discount
from app.kernel.db import metadata
from app.kernel.errors import NotFound
from app.metering.aggregate import Aggregation
from app.metering.meters import Meter
from app.metering.tables import MeterRow
from app.plans import tables as plans

METER: Final = metadata.tables[str(MeterRow.__tablename__)]
_INVOICE = tables.billing_invoice


def customer_of(connection: Connection, customer_id: str) -> Row[Any]:
    """The billing customer's row, or `NotFound`."""
    found = connection.execute(select(plans.customer).where(plans.customer.c.id == customer_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no customer {customer_id[:100]}.", code="customer_not_found")
    return found


def meters_of(connection: Connection, ids: Iterable[str]) -> dict[str, Meter]:
    """The meters of these ids."""
    wanted = sorted(set(ids))
    rows = connection.execute(select(METER).where(METER.c.id.in_(wanted))) if wanted else ()
    return {row.id: meter_of(row) for row in rows}


def meter_of(row: Any) -> Meter:
    return Meter(
        id=row.id,
        name=row.name,
        event_name=row.event_name,
        aggregation=Aggregation(row.aggregation),
        fields=tuple(row.fields),
        counts_one=row.counts_one,
        expression=row.expression,
        multiplier=Fraction(row.multiplier),
        bucket_size=row.bucket_size,
        filters={name: tuple(map(str, values)) for name, values in (row.filters or {}).items()},
    )


# --- coupons


def discounts(
    connection: Connection,
    wanted: Sequence[Mapping[str, Any]],
    subscription_id: str | None,
    currency: str,
    at: datetime,
) -> list[tuple[str, Discount]]:
    """The coupons that still count, in their order, by `name_of`. An association may begin and end."""
    ids = sorted({str(each["coupon_id"]) for each in wanted})
    if not ids:
        return []
    rows = {row.id: row for row in connection.execute(select(plans.coupon).where(plans.coupon.c.id.in_(ids)))}
    found = []
    for each in wanted:
        row = rows.get(each["coupon_id"])
        if row is None or not _in_force(each, at) or (row.currency and row.currency.upper() != currency):
            continue
        if _spent(connection, row, name_of(each), subscription_id):
            continue
        percent = Decimal(row.percentage_off) if row.type == "percentage" else None
        found.append((name_of(each), Discount(Decimal(row.amount_off or 0), percent)))
    return found


def is_of_a_line(association: Mapping[str, Any]) -> bool:
    """Whether a coupon is for one line, or for those of one price, and not for the whole."""
    return bool(association.get("line_id") or association.get("price_id"))


def name_of(association: Mapping[str, Any]) -> str:
    """What invoices call a coupon that took something off: itself, or of a single line its association, also where
    that line went on as another."""
    if not is_of_a_line(association):
        return str(association["coupon_id"])
    return str(association.get("of") or association.get("id") or association["coupon_id"])


def _in_force(association: Mapping[str, Any], at: datetime) -> bool:
    begun, ended = (association.get(name) for name in ("start_date", "end_date"))
    return (not begun or datetime.fromisoformat(begun) <= at) and (not ended or at < datetime.fromisoformat(ended))


def _spent(connection: Connection, coupon: Row[Any], name: str, subscription_id: str | None) -> bool:
    """A coupon for one invoice, or for so many, has been on that many under this `name`."""
    most = {"once": 1, "repeated": coupon.duration_in_periods or 1}.get(coupon.cadence)
    if most is None or subscription_id is None:
        return False
    query = select(_INVOICE.c.computed).where(
        _INVOICE.c.subscription_id == subscription_id, _INVOICE.c.state == "FINALIZED"
    )
    used = sum(name in (computed.get("coupons") or ()) for computed in connection.execute(query).scalars())
    return used >= most
