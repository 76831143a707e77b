"""What the books say, as immutable values: a wallet, a hold, a lot, and a journal that was posted before."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from app.kernel.errors import Broken
from app.ledger import accounts
from app.ledger.journal import Entry
from app.ledger.tables import OPEN, SET_ASIDE


class Wallet(NamedTuple):
    """A workspace's money in one unit, in micros. `version` goes up by one with every operation."""

    id: int
    workspace_id: str
    unit: str
    balance: int
    held: int
    owed: int
    credit_limit: int
    frozen: bool
    version: int
    debt: int = 0

    @property
    def available(self) -> int:
        """What a new hold may take; below zero in debt, or when the limit was lowered under what is in use."""
        return self.balance + self.credit_limit - self.owed - self.held - self.debt

    @property
    def unheld(self) -> int:
        """The credits that no hold counts on."""
        return max(0, self.balance - self.held)

    def moved(self, *, balance: int = 0, held: int = 0, owed: int = 0, debt: int = 0) -> "Wallet":
        """The wallet after one operation that changes these figures by so much."""
        return Wallet(
            self.id,
            self.workspace_id,
            self.unit,
            self.balance + balance,
            self.held + held,
            self.owed + owed,
            self.credit_limit,
            self.frozen,
            self.version + 1,
            self.debt + debt,
        )


class Hold(NamedTuple):
    generation_id: str
    wallet_id: int
    amount: int
    captured: int
    state: int
    close_journal_id: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state == OPEN


class Lot(NamedTuple):
    """Credits that came together and are used up together."""

    id: str
    wallet_id: int
    journal_id: str
    granted: int
    remaining: int
    open: bool
    priority: int
    expires_at: datetime | None
    kind: str = "paid"

    def has_ended(self, now: datetime) -> bool:
        """Whether it is past its last day."""
        return self.expires_at is not None and self.expires_at <= now

    def changed(self, by: int) -> "Lot":
        left = self.remaining + by
        return self._replace(remaining=left, open=left > 0)


class Aside(NamedTuple):
    """Credits of one lot, set aside while a refund or a dispute is decided. `asked` may be more than was there."""

    ref: str
    wallet_id: int
    lot_id: str
    reason: str
    asked: int
    amount: int
    state: int = SET_ASIDE
    shortfall: int = 0
    journal_id: str | None = None
    close_journal_id: str | None = None


class Freeze(NamedTuple):
    """A reason for which a wallet is frozen, in force until it is lifted."""

    id: str
    wallet_id: int
    reason: str
    ref: str


class Use(NamedTuple):
    """Credits taken from a lot, or given back when negative."""

    lot_id: str
    micros: int


class Posted(NamedTuple):
    """A journal already in the books, with everything needed to repeat its answer or to undo it."""

    id: str
    kind: str
    ref: str
    wallet_id: int | None
    generation_id: str | None
    reverses_id: str | None
    entries: tuple[Entry, ...]
    uses: tuple[Use, ...]

    def sum_of(self, account_prefix: str, account_suffix: str = "") -> int:
        return sum(
            leg.micros
            for leg in self.entries
            if leg.account.startswith(account_prefix) and leg.account.endswith(account_suffix)
        )

    @property
    def from_prepaid(self) -> int:
        """Micros charged to credits; negative when given back."""
        return self.sum_of("ws:", accounts.PREPAID)

    @property
    def from_limit(self) -> int:
        """Micros charged to the limit; negative when given back."""
        return self.sum_of("ws:", accounts.RECEIVABLE)

    @property
    def into_debt(self) -> int:
        """Micros charged to debt; negative when it was paid."""
        return self.sum_of("ws:", accounts.DEBT)

    @property
    def absorbed(self) -> int:
        return self.sum_of(accounts.EXPENSE_ABSORBED_OVERAGE)


def in_draw_order(lots: Iterable[Lot], now: datetime) -> list[Lot]:
    """How lots are used up: expired ones first, then by priority, the soonest to expire, the oldest."""

    def order(lot: Lot) -> tuple[bool, int, bool, datetime, str]:
        expires = lot.expires_at
        return (not lot.has_ended(now), lot.priority, expires is None, expires or now, lot.id)

    return sorted(lots, key=order)


def draw(lots: Sequence[Lot], micros: int) -> tuple[tuple[Lot, ...], tuple[Use, ...]]:
    """Take `micros` from lots in the order given: the lots that changed, and what was taken from each."""
    changed, uses, left = [], [], micros
    for lot in lots:
        if not left:
            break
        part = min(left, lot.remaining)
        if part:
            changed.append(lot.changed(-part))
            uses.append(Use(lot.id, part))
            left -= part
    if left:
        raise Broken(f"The lots are {left} micros short of the balance they make up; run `python -m app audit`.")
    return tuple(changed), tuple(uses)


def give_back(uses: Iterable[Use], micros: int) -> tuple[Use, ...]:
    """Undo uses, the last one first, until `micros` have gone back: the negative uses to record."""
    back, left = [], micros
    for use in reversed(tuple(uses)):
        part = min(left, use.micros)
        if part > 0:
            back.append(Use(use.lot_id, -part))
            left -= part
    if left:
        raise Broken(f"{micros} micros cannot go back: {left} of them were never taken from a lot.")
    return tuple(back)
