"""Where invoices meet wallets: usage paid from credits when an invoice is finalised, a whole invoice paid with them, a
refund that becomes credits. Every movement is a journal of the ledger, in the same transaction as the invoice."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any, Final

from sqlalchemy import Connection, Row

from app.billing import wallet_moves, wallets
from app.billing.wallets import House
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat, exponent, total
from app.kernel.given import Given
from app.kernel.text import t
from app.plans import customers

#: The product's own credits pay for generations as they happen, and for no invoice.
NO_HOUSE: Final = House(Decimal(0))
REFUNDED: Final = "CREDIT_NOTE"


def take(connection: Connection, row: Row[Any], now: datetime) -> dict[str, str]:
    """What the invoice says its wallets pay, and of it credits past their last day: the journals, by wallet."""
    debits = {wallet: Fiat(minor, row.currency) for wallet, minor in (row.computed.get("debits") or {}).items()}
    if not debits:
        return {}
    ended = {wallet: Fraction(worth) for wallet, worth in (row.computed.get("ended") or {}).items()}
    return wallet_moves.pay(connection, row.id, debits, NO_HOUSE, actor="system", clock=lambda: now, ended=ended)


def give_back(connection: Connection, journals: Mapping[str, str], now: datetime) -> None:
    """The invoice was voided: the credits return to the lots they came from."""
    if journals:
        wallet_moves.unpay(connection, journals, NO_HOUSE, actor="system", clock=lambda: now)


def pay(connection: Connection, payment: Row[Any], workspace_id: str, now: datetime) -> str:
    """Pay with credits: the wallets in their order. Answers which; `Conflict` when they do not hold that much."""
    asked = Fiat(payment.amount, payment.currency)
    left, debits = asked.minor, dict[str, Fiat]()
    for wallet, worth in wallets.paying(connection, workspace_id, payment.currency, now):
        part = min(left, floor(worth * 10 ** exponent(payment.currency)))  # what would be rounded up is not there
        if part > 0:
            debits[wallet] = Fiat(part, payment.currency)
            left -= part
    if left:
        there = total(debits.values(), payment.currency)
        raise Conflict(f"The wallets hold {there} of {asked}.", code="invalid_operation")
    wallet_moves.pay(connection, payment.id, debits, NO_HOUSE, actor="system", clock=lambda: now, ended={})
    return ",".join(debits)


def refund(connection: Connection, note: Row[Any], row: Row[Any], now: datetime) -> str:
    """What a credit note gives back, as credits. Answers the wallet."""
    return to_wallet(connection, row.customer_id, Fiat(note.amount, note.currency), note.id, now)


def to_wallet(connection: Connection, customer_id: str, amount: Fiat, ref: str, now: datetime) -> str:
    """Credits of the customer's first wallet in the currency; one is made if need be. `ref` moves once. Answers the
    wallet."""
    found = next(
        (
            each
            for each in wallets.of_customer(connection, customers.get(connection, customer_id), NO_HOUSE)
            if each["unit"] == each["id"]
            and each["currency"] == amount.currency
            and each["wallet_status"] == wallets.ACTIVE
        ),
        None,
    )
    if found is None:
        wish = {"customer_id": customer_id, "currency": amount.currency, "name": t("period.refund_wallet")}
        found = wallets.create(connection, Given(wish), actor="system", now=now)
    worth = Fraction(amount.amount) / wallets.rate_of(found)
    memo = {"transaction_reason": REFUNDED, "reference_type": "EXTERNAL", "reference_id": ref}
    wallet_moves.credit(connection, found, worth, ref=ref, memo=memo, actor="system", clock=lambda: now)
    return str(found["id"])
