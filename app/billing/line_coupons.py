"""Coupons of single lines: what they take off a bill, and who has them when a line goes on as another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from app.billing import facts, subscriptions
from app.billing.rating import RatedLine
from app.billing.waterfall import Discount
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id

Kept = Mapping[str, Any]


class Off(NamedTuple):
    """The lines with what comes off them, and the names of the coupons that did it, by `facts.name_of`."""

    lines: list[RatedLine]
    names: list[str]


def take(connection: Connection, row: Row[Any], lines: Sequence[RatedLine], now: datetime) -> Off:
    """Take them off these lines of a bill. An amount is taken off once, also where the line it is for went on as
    another; what is charged for days of a line has its per cent and no amount, which was for the whole period."""
    coupons = list(_in_force(connection, row, now))
    if not coupons:
        return Off(list(lines), [])
    prices = {line.id: line.price_id for line in subscriptions.lines_of(connection, row.id)}
    left, names, found = dict[str, Decimal](), dict[str, None](), list[RatedLine]()
    for line in lines:
        line_id = line.item.line_id if line.item else line.line_id
        amount, off = Fiat.from_exact(max(line.exact, Fraction(0)), row.currency), list[Discount]()
        for kept, name, discount in coupons if line_id else ():
            if line_id != kept.get("line_id") and prices.get(line_id) != kept.get("price_id"):
                continue
            rest = left.setdefault(name, discount.off) if line.item else Decimal(0)
            taken = discount.of(amount) if discount.percent is not None else Discount(rest).of(amount)
            if not taken:
                continue
            amount, names[name] = amount - taken, None
            if discount.percent is None:
                left[name] -= taken.amount
            off.append(Discount(taken.amount))
        found.append(replace(line, discounts=tuple(off)) if off else line)
    return Off(found, list(names))


class _Coupon(NamedTuple):
    kept: Kept
    name: str
    discount: Discount


def _in_force(connection: Connection, row: Row[Any], now: datetime) -> Iterator["_Coupon"]:
    """Those of lines before those of prices."""
    every = [each for each in row.agreed.get("coupons") or () if facts.is_of_a_line(each)]
    for each in sorted(every, key=lambda one: not one.get("line_id")):
        for name, discount in facts.discounts(connection, [each], row.id, row.currency, now):
            yield _Coupon(each, name, discount)


def pass_on(
    connection: Connection, row: Row[Any], heirs: Mapping[str, str], now: datetime, by: str = "line_id"
) -> Row[Any]:
    """Whoever goes on for a line, or a price (`by` "price_id"), has its coupons too: `heirs` by what they follow."""
    coupons: Sequence[Kept] = row.agreed.get("coupons") or ()
    more = [
        {**each, "id": new_id("coupon_assoc"), "of": facts.name_of(each), by: heirs[each[by]]}
        for each in coupons
        if each.get(by) in heirs
    ]
    if not more:
        return row
    return subscriptions.change(connection, row, now, agreed={**row.agreed, "coupons": [*coupons, *more]})
