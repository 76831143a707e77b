"""Credits into wallets and out of them. Every movement is one journal of the ledger, named so that it happens once.

What an integrator says of it (reason, description, notes, its own reference) is in the journal's memo.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Connection, select

from app.billing import wallet_events as told
from app.billing import wallets
from app.billing.wallets import CLOSED, MOST_CREDITS, House, Record
from app.kernel.clock import Clock
from app.kernel.errors import IdempotencyConflict, InvalidInput, Rejected
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.kernel.money import CREDIT, MICRO, Money
from app.kernel.text import t
from app.ledger import reads
from app.ledger import tables as ledger
from app.ledger.direct import post
from app.ledger.operations import DebitOp, GrantOp, Operation, Posting, ReverseOp

#: What credits may come for, and the kind of lot they make.
KINDS: Final[Mapping[str, str]] = {
    "FREE_CREDIT_GRANT": "promo",
    "SUBSCRIPTION_CREDIT_GRANT": "plan",
    "PURCHASED_CREDIT_DIRECT": "paid",
    "PURCHASED_CREDIT_BONUS": "promo",
    "CREDIT_NOTE": "correction",
    "INVOICE_VOID_REFUND": "correction",
    "CREDIT_ADJUSTMENT": "correction",
}
BONUS, DEBIT_REASON = "PURCHASED_CREDIT_BONUS", "MANUAL_BALANCE_DEBIT"
#: Credits without an order of their own are used after those that have one.
LAST: Final = 1_000
LONGEST_KEY: Final = 200


class Moved(NamedTuple):
    """The journal of a movement; `already` when the same was asked before."""

    journal_id: str
    already: bool


def load(connection: Connection, row: Record, given: Given, *, actor: str, clock: Clock) -> None:
    """The credits a new wallet begins with, if any."""
    credits = given.maybe_decimal("initial_credits_to_load") or Decimal(0)
    if not credits:
        for name in ("initial_credits_expiry_date_utc", "initial_credits_to_load_expiry_date"):
            if given.raw.get(name) not in (None, "", 0):
                raise given.wrong(name, "is for initial_credits_to_load.")
        return
    day = given.maybe_integer("initial_credits_to_load_expiry_date")
    ends = given.maybe_moment("initial_credits_expiry_date_utc") or (None if day is None else _day(given, day))
    _future(given, "initial_credits_expiry_date_utc", ends, clock())
    memo = {"transaction_reason": "FREE_CREDIT_GRANT", "description": t("period.wallet.initial")}
    credit(connection, row, credits, ref="initial", memo=memo, actor=actor, clock=clock, expires_at=ends)


def top_up(connection: Connection, row: Record, given: Given, *, actor: str, clock: Clock) -> Moved:
    """Add credits, and the bonus that is given with them. `IdempotencyConflict` for a known key with other figures."""
    reason = given.choice("transaction_reason", (*KINDS, "PURCHASED_CREDIT_INVOICED"))
    if reason == "PURCHASED_CREDIT_INVOICED":
        raise Rejected(
            "Credits on an invoice are added when it is paid: create the invoice, and top up with "
            "PURCHASED_CREDIT_DIRECT once it is.",
            param="transaction_reason",
            code="top_up_not_invoiced",
        )  # fmt: skip
    credits = _bought(row, given)
    ends = given.maybe_moment("expiry_date_utc")
    _future(given, "expiry_date_utc", ends, clock())
    priority = given.maybe_integer("priority", most=1_000_000)
    memo = _memo(given, reason)
    key = _key(given)
    bonus = given.maybe_decimal("bonus_credits_to_add", above=Decimal(0))
    if bonus is None and given.maybe("bonus_credits_expiry_date_utc"):
        raise given.wrong("bonus_credits_expiry_date_utc", "is for bonus_credits_to_add.")
    bonus_ends = given.maybe_moment("bonus_credits_expiry_date_utc") or ends
    _future(given, "bonus_credits_expiry_date_utc", bonus_ends, clock())
    moved = credit(
        connection, row, credits, ref=key, memo=memo, actor=actor, clock=clock, expires_at=ends, priority=priority
    )
    if bonus is not None:
        gift = {**memo, "transaction_reason": BONUS, "parent": moved.journal_id}
        credit(connection, row, bonus, ref=f"{key}/bonus", memo=gift, actor=actor, clock=clock,
               expires_at=bonus_ends, priority=priority)  # fmt: skip
    return moved


def _bought(row: Record, given: Given) -> Fraction:
    """Credits as they were said, or else what the amount of money buys."""
    credits = given.maybe_decimal("credits_to_add", above=Decimal(0))
    if credits is None:
        return Fraction(given.decimal("amount", above=Decimal(0))) / Fraction(Decimal(row["topup_conversion_rate"]))
    amount = given.maybe_decimal("amount")
    if amount and amount != credits * Decimal(row["topup_conversion_rate"]):
        raise given.wrong("amount", "is not what credits_to_add cost: give one of them.")
    return Fraction(credits)


def credit(
    connection: Connection,
    row: Record,
    credits: Decimal | Fraction,
    *,
    ref: str,
    memo: Mapping[str, Any],
    actor: str,
    clock: Clock,
    expires_at: datetime | None = None,
    priority: int | None = None,
) -> Moved:
    """Add credits of this wallet, once per `ref`. The memo's `transaction_reason` says what for."""
    row = wallets.locked(connection, row)
    wallets.must_be_active(row)
    reason = memo["transaction_reason"]
    amount = _amount(row, credits)
    kind, label = KINDS[reason], str(memo.get("description") or row["name"])
    name = f"{row['id']}/{ref}"
    _same(connection, name, reason)
    order = LAST if priority is None else priority
    op = GrantOp(
        str(row["workspace_id"]),
        amount,
        kind,
        label,
        name,
        actor,
        order,
        expires_at,
        _paid(row, amount, reason),
        memo=memo,
    )
    return _do(connection, row, op, clock)


def latest(connection: Connection, row: Record, ref: str) -> Any | None:
    """The last movement whose name begins so: its `id` and `created_at`."""
    journal = ledger.journal.c
    named = journal.ref.startswith(f"{row['id']}/{ref}", autoescape=True)
    query = select(journal.id, journal.created_at).where(journal.wallet_id == _wallet_of(connection, row), named)
    return connection.execute(query.order_by(journal.created_at.desc(), journal.id.desc()).limit(1)).first()


def _wallet_of(connection: Connection, row: Record) -> Any:
    return reads.wallet_of(connection, str(row["workspace_id"]), str(row["unit"])).id


def debit(connection: Connection, row: Record, given: Given, *, actor: str, clock: Clock) -> Moved:
    """Take credits by hand; never more than are free."""
    row = wallets.locked(connection, row)
    wallets.must_be_active(row)
    reason = given.choice("transaction_reason", (DEBIT_REASON, "CREDIT_ADJUSTMENT"), DEBIT_REASON)
    amount = _amount(row, given.decimal("credits", above=Decimal(0)))
    name = f"{row['id']}/{_key(given)}"
    _same(connection, name, reason)
    op = DebitOp(str(row["workspace_id"]), amount, "manual", name, actor, memo=_memo(given, reason))
    return _do(connection, row, op, clock)


def pay(
    connection: Connection, invoice_id: str, debits: Mapping[str, Fiat], house: House, *, actor: str, clock: Clock,
    ended: Mapping[str, Fraction] | None = None,
) -> dict[str, str]:  # fmt: skip
    """Take from each wallet what it pays of an invoice, in the caller's transaction: the journals, by wallet. Of
    credits past their last day no more is taken than `ended` says they are worth to it, where it says anything.

    `InsufficientCredits` when one does not hold that much any more; paying the same invoice again changes nothing.
    """
    rows = _all_locked(connection, sorted(debits), house)
    ops: list[Operation] = []
    for wallet_id, row in rows.items():
        wallets.must_be_active(row)
        memo = {"transaction_reason": "INVOICE_PAYMENT", "reference_type": "INVOICE", "reference_id": invoice_id}
        name = f"{wallet_id}/invoice/{invoice_id}"
        past, owner = None, str(row["workspace_id"])
        if ended is not None:
            past = _credits_for(row, ended.get(wallet_id, Fraction(0)))
        ops.append(DebitOp(owner, _worth(row, debits[wallet_id]), "invoice", name, actor, memo=memo, ended=past))
    found = {}
    for (wallet_id, row), outcome in zip(rows.items(), _posted(connection, ops, clock), strict=True):
        found[wallet_id] = outcome.journal_id
        if not outcome.already:
            told.moved(connection, row, outcome.journal_id, clock())
    return found


def unpay(connection: Connection, journal_ids: Mapping[str, str], house: House, *, actor: str, clock: Clock) -> None:
    """The invoice was voided: what `pay` took goes back to the lots it came from."""
    rows = _all_locked(connection, sorted(journal_ids), house)
    ops: list[Operation] = [ReverseOp(journal_ids[wallet_id], actor, "The invoice was voided.") for wallet_id in rows]
    for row, outcome in zip(rows.values(), _posted(connection, ops, clock), strict=True):
        if not outcome.already:
            told.moved(connection, row, outcome.journal_id, clock())


def _all_locked(connection: Connection, wallet_ids: Sequence[str], house: House) -> dict[str, Record]:
    """These wallets as they stand once nobody else moves any of their customers'."""
    found = [wallets.get(connection, each, house) for each in wallet_ids]
    wallets.lock_all(connection, {str(row["workspace_id"]) for row in found})
    return {each: wallets.get(connection, each, house) for each in wallet_ids}


def terminate(connection: Connection, row: Record, *, actor: str, clock: Clock) -> Record:
    """Close a wallet for good; what is left in it ends. Closing it again changes nothing."""
    if row["unit"] == CREDIT:
        raise Rejected(
            "The prepaid credits of a workspace cannot be closed; suspend the workspace.", code="house_wallet"
        )
    row = wallets.locked(connection, row)
    if row["wallet_status"] == CLOSED:
        return row
    balance = wallets.credits_of(connection, row)
    if balance.held:
        raise Rejected("Generations under way count on this wallet.", code="wallet_in_use")
    if balance.balance:
        memo = {"transaction_reason": "WALLET_TERMINATION"}
        name = f"{row['id']}/closed"
        _do(
            connection, row, DebitOp(str(row["workspace_id"]), balance.balance, "closed", name, actor, memo=memo), clock
        )
    closed = wallets.shelf.change(
        connection, str(row["id"]), {"wallet_status": CLOSED, "alert_state": "ok"}, actor=actor, now=clock()
    )
    told.wallet(connection, "wallet.terminated", closed, clock())
    return closed


def _do(connection: Connection, row: Record, op: Operation, clock: Clock) -> Moved:
    [outcome] = _posted(connection, [op], clock)
    if not outcome.already:
        told.moved(connection, row, outcome.journal_id, clock())
    return Moved(outcome.journal_id, outcome.already)


def _posted(connection: Connection, ops: Sequence[Operation], clock: Clock) -> list[Posting]:
    return [cast(Posting, outcome) for outcome in post(connection, ops, clock)]


def _amount(row: Record, credits: Decimal | Fraction) -> Money:
    if credits > MOST_CREDITS:
        raise _too_much()
    amount = wallets.money(row, credits)
    if amount.micros <= 0:
        raise InvalidInput("The amount must be above 0.", param="credits_to_add", code="amount_not_positive")
    return amount


def _worth(row: Record, fiat: Fiat) -> Money:
    """The fewest credits worth at least that much."""
    return _credits_for(row, Fraction(fiat.amount))


def _credits_for(row: Record, amount: Fraction) -> Money:
    micros = amount / wallets.rate_of(row) * MICRO
    return Money(-(-micros.numerator // micros.denominator), str(row["unit"]))


def _paid(row: Record, amount: Money, reason: str) -> Money | None:
    """What was paid for a lot, in the wallet's currency."""
    if not reason.startswith("PURCHASED") or reason == BONUS:
        return None
    paid = Fraction(amount.amount) * Fraction(Decimal(row["topup_conversion_rate"]))
    try:
        return Money.from_exact(paid, str(row["currency"]))
    except OverflowError:
        raise _too_much() from None


def _too_much() -> InvalidInput:
    return InvalidInput("That is more than a wallet can hold.", param="credits_to_add")


def _same(connection: Connection, name: str, reason: str) -> None:
    """A key that was used for something else is refused, also where the ledger tells the two apart."""
    journal = ledger.journal.c
    for memo in connection.execute(select(journal.memo).where(journal.ref == name)).scalars():
        if (memo or {}).get("transaction_reason") != reason:
            raise IdempotencyConflict("This idempotency_key was used for another movement.", param="idempotency_key")


def _memo(given: Given, reason: str) -> dict[str, Any]:
    said = {
        "transaction_reason": reason,
        "description": given.maybe("description", longest=1_000),
        "metadata": given.labels(),
        "idempotency_key": given.maybe("idempotency_key", longest=LONGEST_KEY),
        "reference_type": given.maybe("reference_type"),
        "reference_id": given.maybe("reference_id"),
    }
    return {name: value for name, value in said.items() if value}


def _key(given: Given) -> str:
    """What names a movement: the integrator's key, or one that nobody has used."""
    return given.maybe("idempotency_key", longest=LONGEST_KEY) or new_id("wtxn")


def _future(given: Given, name: str, ends: datetime | None, now: datetime) -> None:
    if ends is not None and ends <= now:
        raise given.wrong(name, "must be in the future.")


def _day(given: Given, day: int) -> datetime:
    """The end of a day that was written as 20261231."""
    try:
        return datetime.strptime(str(day), "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise given.wrong("initial_credits_to_load_expiry_date", "must be a day such as 20261231.") from None
