"""A wallet and its transactions as the wire says them: figures as decimal text, moments with a Z."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection

from app.billing import ended_credits, wallets
from app.billing.wallet_history import Transaction, transaction_id
from app.billing.wallet_rules import worth
from app.kernel.money import Money, plain
from app.kernel.said import decimal, moment
from app.ledger import reads

Record = Mapping[str, Any]
FREE_KINDS = ("promo", "plan")


@dataclass(frozen=True, slots=True)
class Outstanding:
    """In the wallet's currency: what the running period has come to, and what invoices still ask for."""

    usage: Fraction = Fraction(0)
    unpaid: Fraction = Fraction(0)


def shown(connection: Connection, row: Record) -> dict[str, Any]:
    """The wallet as it stands."""
    credits = wallets.credits_of(connection, row).balance
    named = ("id", "customer_id", "name", "description", "currency", "wallet_type", "conversion_rate")
    more = ("topup_conversion_rate", "wallet_status", "config", "alert_settings", "alert_state", "auto_topup")
    stamps = ("metadata", "status", "created_by", "updated_by")
    return {
        **{name: row[name] for name in (*named, *more, *stamps)},
        "auto_topup": _topup(row["auto_topup"]),
        "priority": row["priority"],
        "currency": str(row["currency"]).lower(),
        "balance": in_currency(row, credits),
        "credit_balance": plain(credits.amount),
        "created_at": moment(row["created_at"]),
        "updated_at": moment(row["updated_at"]),
    }


def _topup(kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Its figures are JSON numbers on the wire."""
    if kept is None:
        return None
    return {**kept, **{name: float(kept[name]) for name in ("threshold", "amount") if name in kept}}


def standing(connection: Connection, row: Record, outstanding: Outstanding, now: datetime) -> dict[str, Any]:
    """The same with what can still be spent: a prepaid wallet less what the period and its open invoices ask for.

    What a wallet on invoices holds is what it has; one that is closed has nothing.
    """
    said = shown(connection, row)
    left = real_time(connection, row, outstanding, now)
    rate = wallets.rate_of(row)
    kinds: dict[bool, int] = {True: 0, False: 0}
    for lot in reads.lots(connection, str(row["workspace_id"]), now, str(row["unit"])):
        kinds[lot.kind in FREE_KINDS] += lot.remaining.micros
    return {
        **said,
        "real_time_balance": decimal(left),
        "real_time_credit_balance": decimal(left / rate),
        "current_period_usage": decimal(outstanding.usage),
        "unpaid_invoices_amount": decimal(outstanding.unpaid),
        "balance_updated_at": moment(now),
        "is_cached_fallback": False,
        "credits_available_breakdown": {
            "free": plain(Money(kinds[True]).amount),
            "purchased": plain(Money(kinds[False]).amount),
        },
    }


def real_time(connection: Connection, row: Record, outstanding: Outstanding, now: datetime) -> Fraction:
    """What is left to spend, in the wallet's currency; below zero when more was used than it holds. Credits past their
    last day are there for usage that waits for its invoice, and not to be spent."""
    if row["wallet_status"] == wallets.CLOSED:
        return Fraction(0)
    books = wallets.credits_of(connection, row)
    balance = worth(Fraction((books.balance - books.held - books.owed - books.debt).amount), wallets.rate_of(row))
    if row["wallet_type"] == wallets.POST_PAID:
        return balance
    past = ended_credits.of_wallet(connection, str(row["workspace_id"]), str(row["unit"]), now)
    ended = sum(past.values(), Fraction(0)) * wallets.rate_of(row)
    return balance - max(ended - outstanding.usage, Fraction(0)) - outstanding.usage - outstanding.unpaid


def transaction(row: Record, one: Transaction) -> dict[str, Any]:
    """One movement."""
    memo, moved = one.memo, abs(one.moved.amount)
    rate = wallets.rate_of(row)
    reference = (memo.get("reference_type"), memo.get("reference_id"))
    if one.generation_id:
        reference = ("REQUEST", one.generation_id)
    said = {
        "id": transaction_id(one.journal_id),
        "wallet_id": row["id"],
        "customer_id": row["customer_id"],
        "type": "credit" if one.moved.micros > 0 else "debit",
        "credit_amount": plain(moved),
        "amount": decimal(Fraction(moved) * rate),
        "conversion_rate": row["conversion_rate"],
        "topup_conversion_rate": row["topup_conversion_rate"],
        "currency": str(row["currency"]).lower(),
        "credit_balance_before": plain((one.balance_after - one.moved).amount),
        "credit_balance_after": plain(one.balance_after.amount),
        "credits_available": plain(one.left.amount) if one.left is not None else "0",
        "expiry_date": moment(one.expires_at),
        "priority": one.priority,
        "transaction_status": "completed",
        "transaction_reason": one.reason,
        "description": memo.get("description") or memo.get("label") or "",
        "metadata": memo.get("metadata") or {},
        "idempotency_key": memo.get("idempotency_key"),
        "reference_type": reference[0],
        "reference_id": reference[1],
        "parent_transaction_id": transaction_id(memo["parent"]) if "parent" in memo else None,
        "consumption_breakdown": [
            {"credit_transaction_id": transaction_id(source), "credits": plain(credits.amount)}
            for source, credits in one.used
            if credits.micros > 0
        ],
        "status": "published",
        "created_by": one.actor,
        "updated_by": one.actor,
        "created_at": moment(one.at),
        "updated_at": moment(one.at),
    }
    return {name: value for name, value in said.items() if value is not None}


def in_currency(row: Record, credits: Money) -> str:
    return decimal(worth(Fraction(credits.amount), wallets.rate_of(row)))
