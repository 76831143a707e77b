"""Refunds and disputes at a till."""

from dataclasses import replace
from itertools import count
from typing import Any

from app.kernel.fiat import Fiat
from app.payments.refund_rows import RefundView
from app.payments.refunds import RefundChoice
from app.payments.views import OrderView
from tests.support.till import VISA, Till
from tests.support.topups import hear

_keys = count()
WAITS, FAILS_LATER = "4000000000007726", "4000000000005126"  # cards whose refunds take a while, or come back


def bought(till: Till, card: str = VISA, **changes: Any) -> OrderView:
    """The starter package, paid: 11.90 EUR for 10,000 credits and a bonus of 500."""
    order = till.buy(**changes)
    till.pay(order, card=card)
    hear(till)
    return till.order(order)


def refund(till: Till, order: OrderView, minor: int | None = None, **changes: Any) -> RefundView:
    """An operator refunds; all that can be unless told otherwise."""
    amount = None if minor is None else Fiat(minor, order.gross.currency)
    choice = RefundChoice(order.id, "usr_operator", f"refund-{next(_keys)}", amount)
    return till.run(till.cashier.refund(replace(choice, **changes)))


def came_back(till: Till, *parts: int) -> OrderView:
    """An order of which 4.76 EUR (or these parts) were refunded, and the bank sent it back."""
    till.stripe.ctl("settings", refunds="on_demand")
    order = bought(till)
    made = [str(refund(till, order, part).external_id) for part in parts or (476,)]
    for status in ("succeeded", "failed"):
        for each in made:
            till.stripe.ctl(f"refunds/{each}", status=status)
        hear(till)
    assert {view.state for view in refunds(till, order)} == {"restored"}
    till.stripe.ctl("settings", refunds="by_itself")
    return order


def refunds(till: Till, order: OrderView) -> list[RefundView]:
    """The oldest first."""
    return till.cashier.refunds.listed(order_id=order.id)[::-1]


def charge_of(till: Till, order: OrderView) -> str:
    [payment] = till.cashier.payments_of(order.id)
    return str(payment.charge_id)


def at_stripe(till: Till) -> list[Any]:
    """Every refund Stripe knows of, the oldest first."""
    return till.client.v1.refunds.list({"limit": 100}).data[::-1]


def notes(till: Till) -> list[tuple[int, str]]:
    """The credit notes: gross, and which kind of thing they were issued for."""
    with till.services.db.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT gross, source_kind FROM invoice WHERE kind = 'credit_note' ORDER BY sequence"
        )
        return [(int(row[0]), str(row[1])) for row in rows]


def cash(till: Till) -> int:
    """What is left of the money in the books of Stripe, in cents."""
    found = till.scalar("SELECT coalesce(sum(amount), 0) FROM entry WHERE account = 'cash:stripe'")
    return int(found) // 10_000
