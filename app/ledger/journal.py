"""What happened, in the words of a bookkeeper: one function per business fact, values in and a balanced journal out.

A `Journal` that does not sum to zero in each of its units refuses to exist, so no caller can post half a fact. Debits
are positive, credits negative (`accounts.py`). `(kind, ref)` names the fact: the books accept each one once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from app.kernel.errors import Broken
from app.kernel.money import Money
from app.ledger import accounts

# Journal kinds. They are stored, so they never change once released.
GRANT, CAPTURE, EARLY_CAPTURE, FINAL = "grant", "capture", "early_capture", "final"
REVERSAL, ADJUSTMENT = "reversal", "adjustment"
TOP_UP, BONUS, EXPIRY = "top_up", "bonus", "expiry"
DEBIT = "debit"
SET_ASIDE, GIVE_BACK, TAKE_BACK, WRITE_OFF = "set_aside", "give_back", "take_back", "write_off"
OWED_PAID, OWED_WRITTEN_OFF = "owed_paid", "owed_written_off"
ABSORBED_COST, UNKNOWN_UPSTREAM, LATE_COST = "absorbed_cost", "unknown_upstream", "late_cost"

#: Journals that are about our own cost and nothing else.
OF_COST = frozenset({ABSORBED_COST, UNKNOWN_UPSTREAM, LATE_COST})

_OF_PROVIDERS = (accounts.PROVIDER_EXPENSE, accounts.PROVIDER_PAYABLE)


class Entry(NamedTuple):
    """One leg: a debit when `micros` is positive, a credit when it is negative, never nothing."""

    account: str
    micros: int
    unit: str


class Journal:
    """One business fact with its legs, balanced per unit. Raises `Broken` rather than exist unbalanced."""

    __slots__ = ("entries", "generation_id", "kind", "memo", "ref", "reverses_id")

    def __init__(
        self,
        kind: str,
        ref: str,
        entries: Iterable[Entry],
        *,
        generation_id: str | None = None,
        reverses_id: str | None = None,
        memo: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind, self.ref = kind, ref
        self.entries = tuple(leg for leg in entries if leg.micros)
        self.generation_id, self.reverses_id, self.memo = generation_id, reverses_id, memo
        sums: dict[str, int] = defaultdict(int)
        for leg in self.entries:
            sums[leg.unit] += leg.micros
        off = {unit: micros for unit, micros in sums.items() if micros}
        if off:
            raise Broken(f"Journal {kind} {ref} does not balance: {off}.")

    def text(self) -> str:
        """The journal as a bookkeeper would write it down, for tests and for pages."""
        head = f"{self.kind} {self.ref}" + (f" reverses {self.reverses_id}" if self.reverses_id else "")
        width = max((len(leg.account) for leg in self.entries), default=0)
        legs = [f"  {leg.account:<{width}}  {Money(leg.micros).amount:>+14} {leg.unit}" for leg in self.entries]
        return "\n".join([head, *legs]) + "\n"


class Cash(NamedTuple):
    """Money of a payment: through which door (`stripe`, `bank`), in micros of its currency."""

    account: str
    net: Money
    tax: Money


class Cost(NamedTuple):
    """What a provider charges us for one generation, in micro-USD (or whichever currency it bills in)."""

    provider_id: str
    amount: Money


def grant(workspace_id: str, amount: Money, *, kind: str, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """Credits handed out. A gift is our expense; anything else stands against what was issued for it."""
    legs = _move(amount, debit=accounts.issued(kind), credit=accounts.prepaid(workspace_id, amount.unit))
    return Journal(GRANT, ref, legs, memo=memo)


def top_up(
    workspace_id: str,
    paid: Money,
    *,
    debt: Money,
    ref: str,
    cash: Cash | None = None,
    memo: Mapping[str, Any] | None = None,
) -> Journal:
    """Credits that were paid for. An open debt has its part of them first; the money stands beside in its currency."""
    legs = (
        Entry(accounts.issued("paid"), paid.micros, paid.unit),
        Entry(accounts.debt(workspace_id, paid.unit), -debt.micros, debt.unit),
        Entry(accounts.prepaid(workspace_id, paid.unit), -(paid - debt).micros, paid.unit),
        *_cash_legs(cash),
    )
    return Journal(TOP_UP, ref, legs, memo=memo)


def bonus(workspace_id: str, amount: Money, *, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """Credits given on top of those that were paid for."""
    legs = _move(amount, debit=accounts.issued("promo"), credit=accounts.prepaid(workspace_id, amount.unit))
    return Journal(BONUS, ref, legs, memo=memo)


def debit(
    workspace_id: str, amount: Money, *, purpose: str, ref: str, memo: Mapping[str, Any] | None = None
) -> Journal:
    """Credits taken without a generation: an invoice paid with them, an operator's debit, a wallet that ended."""
    legs = _move(amount, debit=accounts.prepaid(workspace_id, amount.unit), credit=accounts.spent_on(purpose))
    return Journal(DEBIT, ref, legs, memo=memo)


def set_aside(workspace_id: str, amount: Money, *, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """Credits leave the balance while it is decided whether their payment goes back."""
    legs = _move(
        amount, debit=accounts.prepaid(workspace_id, amount.unit), credit=accounts.set_aside(workspace_id, amount.unit)
    )
    return Journal(SET_ASIDE, ref, legs, memo=memo)


def give_back(workspace_id: str, amount: Money, *, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """The payment stays: what was set aside returns to the balance."""
    legs = _move(
        amount, debit=accounts.set_aside(workspace_id, amount.unit), credit=accounts.prepaid(workspace_id, amount.unit)
    )
    return Journal(GIVE_BACK, ref, legs, memo=memo)


def take_back(
    workspace_id: str,
    amount: Money,
    shortfall: Money,
    *,
    kind: str,
    ref: str,
    cash: Cash | None = None,
    memo: Mapping[str, Any] | None = None,
) -> Journal:
    """The payment went back: its credits were never issued, and those used already are owed to us."""
    legs = (
        Entry(accounts.set_aside(workspace_id, amount.unit), amount.micros, amount.unit),
        Entry(accounts.debt(workspace_id, amount.unit), shortfall.micros, shortfall.unit),
        Entry(accounts.issued(kind), -(amount + shortfall).micros, amount.unit),
        *(Entry(account, -micros, unit) for account, micros, unit in _cash_legs(cash)),
    )
    return Journal(TAKE_BACK, ref, legs, memo=memo)


def write_off(workspace_id: str, amount: Money, *, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """Debt nobody will pay."""
    legs = _move(amount, debit=accounts.EXPENSE_BAD_DEBT, credit=accounts.debt(workspace_id, amount.unit))
    return Journal(WRITE_OFF, ref, legs, memo=memo)


def owed_paid(workspace_id: str, amount: Money, *, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """What was used on the limit is paid for: as credits that were bought and used."""
    legs = _move(amount, debit=accounts.issued("paid"), credit=accounts.receivable(workspace_id, amount.unit))
    return Journal(OWED_PAID, ref, legs, memo=memo)


def owed_written_off(workspace_id: str, amount: Money, *, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """What was used on the limit and nobody will pay."""
    legs = _move(amount, debit=accounts.EXPENSE_BAD_DEBT, credit=accounts.receivable(workspace_id, amount.unit))
    return Journal(OWED_WRITTEN_OFF, ref, legs, memo=memo)


def expiry(workspace_id: str, amount: Money, *, kind: str, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """What was left in a lot on its last day."""
    legs = _move(amount, debit=accounts.prepaid(workspace_id, amount.unit), credit=accounts.ended(kind))
    return Journal(EXPIRY, ref, legs, memo=memo)


def capture(
    workspace_id: str,
    generation_id: str,
    *,
    prepaid: Money,
    owed: Money,
    absorbed: Money,
    cost: Cost | None = None,
    memo: Mapping[str, Any] | None = None,
) -> Journal:
    """A finished generation: what came from credits, what is owed on the limit, what we swallow, what it cost us."""
    return _capture(CAPTURE, workspace_id, generation_id, prepaid, owed, absorbed, cost, memo)


def early_capture(
    workspace_id: str, generation_id: str, *, prepaid: Money, owed: Money, memo: Mapping[str, Any] | None = None
) -> Journal:
    """The estimate, charged when upstream accepted the job; `final` or `reversal` has the last word."""
    nothing = Money.zero(prepaid.unit)
    return _capture(EARLY_CAPTURE, workspace_id, generation_id, prepaid, owed, nothing, None, memo)


def final(
    workspace_id: str,
    generation_id: str,
    *,
    prepaid_back: Money,
    owed_back: Money,
    absorbed: Money,
    cost: Cost | None = None,
    memo: Mapping[str, Any] | None = None,
) -> Journal:
    """The end of a generation charged early: what it came to below the estimate goes back, what lies above is ours."""
    legs = (
        Entry(accounts.prepaid(workspace_id, absorbed.unit), -prepaid_back.micros, prepaid_back.unit),
        Entry(accounts.receivable(workspace_id, absorbed.unit), -owed_back.micros, owed_back.unit),
        Entry(accounts.EXPENSE_ABSORBED_OVERAGE, absorbed.micros, absorbed.unit),
        Entry(accounts.REVENUE_USAGE, (prepaid_back + owed_back - absorbed).micros, absorbed.unit),
        *_cost_legs(cost),
    )
    return Journal(FINAL, generation_id, legs, generation_id=generation_id, memo=memo)


def reversal(
    reversed_id: str,
    reversed_kind: str,
    entries: Iterable[Entry],
    *,
    generation_id: str | None = None,
    memo: Mapping[str, Any] | None = None,
) -> Journal:
    """The opposite of an earlier journal, whose own legs stay where they are, for ever.

    Giving a customer's credits back does not bring our money back, so the provider legs of a charge are left alone; a
    journal of cost is undone whole.
    """
    legs = [leg for leg in entries if reversed_kind in OF_COST or not leg.account.startswith(_OF_PROVIDERS)]
    opposite = [Entry(leg.account, -leg.micros, leg.unit) for leg in legs]
    return Journal(REVERSAL, reversed_id, opposite, generation_id=generation_id, reverses_id=reversed_id, memo=memo)


def adjustment(workspace_id: str, amount: Money, *, ref: str, memo: Mapping[str, Any] | None = None) -> Journal:
    """An operator's correction: positive gives credits, negative takes them."""
    return Journal(
        ADJUSTMENT,
        ref,
        _move(amount, debit=accounts.CORRECTION, credit=accounts.prepaid(workspace_id, amount.unit)),
        memo=memo,
    )


def absorbed_cost(ref: str, generation_id: str, cost: Cost, *, memo: Mapping[str, Any] | None = None) -> Journal:
    """Upstream billed us for something the customer does not pay: a failed, cancelled or refused result."""
    return Journal(ABSORBED_COST, ref, _cost_legs(cost), generation_id=generation_id, memo=memo)


def unknown_upstream(generation_id: str, cost: Cost, *, memo: Mapping[str, Any] | None = None) -> Journal:
    """Upstream may have taken the job and will perhaps bill it: booked as expected until somebody knows."""
    legs = _move(
        cost.amount, debit=accounts.EXPENSE_UNKNOWN_UPSTREAM, credit=accounts.provider_payable(cost.provider_id)
    )
    return Journal(UNKNOWN_UPSTREAM, generation_id, legs, generation_id=generation_id, memo=memo)


def late_cost(
    generation_id: str, cost: Cost, booked_as_unknown: Cost | None = None, *, memo: Mapping[str, Any] | None = None
) -> Journal:
    """A generation already given up was delivered after all: its real cost replaces what was booked as unknown."""
    legs = _cost_legs(cost)
    if booked_as_unknown is not None:
        legs += _move(
            booked_as_unknown.amount,
            debit=accounts.provider_payable(booked_as_unknown.provider_id),
            credit=accounts.EXPENSE_UNKNOWN_UPSTREAM,
        )
    return Journal(LATE_COST, generation_id, legs, generation_id=generation_id, memo=memo)


def _capture(
    kind: str,
    workspace_id: str,
    generation_id: str,
    prepaid: Money,
    owed: Money,
    absorbed: Money,
    cost: Cost | None,
    memo: Mapping[str, Any] | None,
) -> Journal:
    legs = [
        Entry(accounts.prepaid(workspace_id, prepaid.unit), prepaid.micros, prepaid.unit),
        Entry(accounts.receivable(workspace_id, prepaid.unit), owed.micros, owed.unit),
        Entry(accounts.EXPENSE_ABSORBED_OVERAGE, absorbed.micros, absorbed.unit),
        Entry(accounts.REVENUE_USAGE, -(prepaid.micros + owed.micros + absorbed.micros), prepaid.unit),
        *_cost_legs(cost),
    ]
    return Journal(kind, generation_id, legs, generation_id=generation_id, memo=memo)


def _cost_legs(cost: Cost | None) -> tuple[Entry, ...]:
    if cost is None:
        return ()
    return _move(
        cost.amount,
        debit=accounts.provider_expense(cost.provider_id),
        credit=accounts.provider_payable(cost.provider_id),
    )


def _cash_legs(cash: Cash | None) -> tuple[Entry, ...]:
    """As it comes in: the net stands against credits still to be delivered, the tax is not ours."""
    if cash is None:
        return ()
    unit = cash.net.unit
    return (
        Entry(accounts.cash(cash.account), (cash.net + cash.tax).micros, unit),
        Entry(accounts.DEFERRED, -cash.net.micros, unit),
        Entry(accounts.TAX_PAYABLE, -cash.tax.micros, unit),
    )


def _move(amount: Money, *, debit: str, credit: str) -> tuple[Entry, ...]:
    return (Entry(debit, amount.micros, amount.unit), Entry(credit, -amount.micros, amount.unit))
