"""What an operation may look at, what it may change, and the refusals all of them share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from app.kernel.errors import InsufficientCredits, InvalidInput, NotFound
from app.kernel.money import MAX_MICROS, Money, plain
from app.ledger.journal import Journal
from app.ledger.operations import Result
from app.ledger.state import Aside, Freeze, Hold, Lot, Posted, Use, Wallet

#: The most of a balance. What is available has room for a limit on top of it.
MOST_HELD: Final = MAX_MICROS // 2


class View(Protocol):
    """The part of the books an operation may look at; everything it names has been read under the wallet's lock."""

    now: datetime

    def wallet(self, wallet_id: int) -> Wallet: ...
    def wallet_of(self, workspace_id: str, unit: str) -> Wallet | None: ...
    def hold(self, generation_id: str) -> Hold | None: ...
    def lot(self, lot_id: str) -> Lot: ...
    def lots_to_draw(self, wallet_id: int) -> Sequence[Lot]: ...
    def past(self, generation_id: str) -> Sequence[Posted]: ...
    def posted(self, kind: str, ref: str) -> Posted | None: ...
    def posted_as(self, journal_id: str) -> Posted | None: ...
    def lot_of(self, journal_id: str) -> Lot | None: ...
    def find_lot(self, lot_id: str) -> Lot | None: ...
    def aside(self, ref: str) -> Aside | None: ...
    def asides_of(self, lot_id: str) -> Sequence[Aside]: ...
    def freezes(self, wallet_id: int) -> Sequence[Freeze]: ...
    def new_journal_id(self) -> str: ...
    def new_lot_id(self) -> str: ...
    def new_freeze_id(self) -> str: ...


class NewLot(NamedTuple):
    lot: Lot
    label: str
    cost_basis: Money | None = None


class Post(NamedTuple):
    """A journal to write, and what it takes from lots. `after` is the wallet right behind it, where that is not the
    wallet the whole operation leaves: no two journals of one wallet share a version."""

    id: str
    journal: Journal
    actor: str
    uses: tuple[Use, ...] = ()
    after: Wallet | None = None


class Rare(NamedTuple):
    """What only money in and money back write."""

    sets_aside: Aside | None = None
    closes_aside: Aside | None = None
    freezes: tuple[Freeze, ...] = ()
    lifts: tuple[Freeze, ...] = ()
    actor: str = "system"


class Change(NamedTuple):
    """Everything an operation writes. Without `wallet` it writes nothing to a wallet."""

    result: Result
    wallet: Wallet | None = None
    opens: Hold | None = None
    closes: Hold | None = None
    posts: tuple[Post, ...] = ()
    lots: tuple[Lot, ...] = ()
    new_lots: tuple[NewLot, ...] = ()
    rare: Rare | None = None


def held_for(generation_id: str, books: View) -> tuple[Hold, Wallet]:
    """The hold of a generation and its wallet, or `NotFound`."""
    held = books.hold(generation_id)
    if held is None:
        raise NotFound(f"Nothing is held for {generation_id}.", param="generation_id", code="hold_not_found")
    return held, books.wallet(held.wallet_id)


def wallet_of(workspace_id: str, unit: str, books: View) -> Wallet:
    """A workspace's wallet in this unit, or `NotFound`."""
    wallet = books.wallet_of(workspace_id, unit)
    if wallet is None:
        raise NotFound(f"Workspace {workspace_id} has no balance in {unit}.", code="wallet_not_found")
    return wallet


def same_unit(amount: Money, wallet: Wallet) -> None:
    """`InvalidInput` for an amount in another unit than the wallet is kept in."""
    if amount.unit != wallet.unit:
        raise InvalidInput(f"This balance is kept in {wallet.unit}, not in {amount.unit}.")


def not_negative(amount: Money, name: str) -> int:
    """The amount in micros; `InvalidInput` names it where it is below zero."""
    if amount.micros < 0:
        raise InvalidInput(f"{name} is {amount}; it cannot be below zero.", param=name)
    return amount.micros


def positive(amount: Money, name: str) -> int:
    """The amount in micros; `InvalidInput` names it where it is zero or below."""
    if amount.micros <= 0:
        raise InvalidInput(f"{name} is {amount}; it must be above zero.", param=name)
    return amount.micros


def must_spare(micros: int, wallet: Wallet) -> None:
    """Credits that are held or owed against are not there to be taken away."""
    if micros > min(wallet.balance, wallet.available):
        raise insufficient(micros, wallet)


def must_hold(micros: int, wallet: Wallet) -> None:
    """`InvalidInput` "balance_full" for credits with which a balance could not be told any more."""
    if wallet.balance + micros > MOST_HELD:
        most = plain(Money(MOST_HELD, wallet.unit).amount.to_integral_value())
        raise InvalidInput(f"A balance holds up to {most} credits.", param="amount", code="balance_full")


def left(wallet: Wallet) -> Money:
    return Money(max(0, wallet.available), wallet.unit)


def insufficient(micros: int, wallet: Wallet) -> InsufficientCredits:
    required, available = Money(micros, wallet.unit), left(wallet)
    return InsufficientCredits(
        f"This needs {plain(required.amount)} credits and {plain(available.amount)} are available.",
        required=required.micros,
        available=available.micros,
    )


def one(past: Sequence[Posted], kind: str) -> Posted | None:
    return next((posted for posted in past if posted.kind == kind), None)


def reversal_of(target: Posted, past: Sequence[Posted]) -> Posted | None:
    return next((posted for posted in past if posted.reverses_id == target.id), None)
