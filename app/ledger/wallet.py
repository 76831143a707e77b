"""The ledger as the rest of the house sees it: credits come (top up, grant), are held and charged, go back and end.

Every coroutine returns after the commit. Each may be called any number of times with the same name (a generation, a
`ref`, a journal); the repetitions answer what was done and change nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, insert

from app.kernel.clock import Clock, now
from app.kernel.db import Database
from app.kernel.errors import InvalidInput
from app.kernel.money import CREDIT, Money
from app.ledger import tables
from app.ledger.companion import Also, Check, Within
from app.ledger.endings import Ending, ended
from app.ledger.journal import Cash, Cost
from app.ledger.lane import Lane
from app.ledger.operations import (
    AbsorbOp,
    AdjustOp,
    AsideReason,
    CaptureEarlyOp,
    DebitOp,
    Expired,
    ExpireOp,
    FreezeOp,
    Frozen,
    GiveBackOp,
    GrantOp,
    Held,
    HoldOp,
    Operation,
    Overage,
    Posting,
    Purpose,
    Released,
    ReleaseOp,
    Result,
    Returned,
    ReverseOp,
    SetAside,
    SetAsideOp,
    Settled,
    SettleOp,
    SettleOwedOp,
    TakeBackOp,
    TakenBack,
    ThawOp,
    ToppedUp,
    TopUpOp,
    WriteOffOp,
)
from app.ledger.reader import Reader

#: In which order kinds of credits are used when a grant does not say: what expires or was given goes first.
PRIORITIES: Mapping[str, int] = {"promo": 10, "plan": 20, "correction": 50, "paid": 100}


def open_wallet(connection: Connection, workspace_id: str, *, unit: str = CREDIT, credit_limit: int = 0) -> None:
    """Give a new workspace its wallet, in the transaction that creates the workspace. `credit_limit` in micros."""
    connection.execute(
        insert(tables.wallet).values(
            workspace_id=workspace_id,
            unit=unit,
            balance=0,
            held=0,
            owed=0,
            credit_limit=credit_limit,
            frozen=False,
            version=0,
        )
    )


class Ledger(Reader):
    """The door to the books. Coroutines write, through this process's lane; plain methods read."""

    def __init__(self, db: Database, clock: Clock = now) -> None:
        super().__init__(db, clock)
        self._lane = Lane(db, clock)

    def start(self) -> None:
        self._lane.start()

    @property
    def is_running(self) -> bool:
        """Whether the lane takes operations."""
        return self._lane.is_running

    @property
    def waiting(self) -> int:
        """About how many operations wait for the lane."""
        return self._lane.waiting

    def stop(self) -> None:
        """Finish what was asked, then end."""
        self._lane.stop()

    def open_wallet(self, connection: Connection, workspace_id: str, *, credit_limit: int = 0) -> None:
        """Give a new workspace its wallet, in the caller's transaction. `credit_limit` in micro-credits."""
        open_wallet(connection, workspace_id, credit_limit=credit_limit)

    async def hold(
        self,
        workspace_id: str,
        generation_id: str,
        amount: Money,
        *,
        deadline_at: datetime,
        also: Also = (),
        checks: Sequence[Check] = (),
    ) -> Held:
        """Set credits aside for a generation.

        Raises `InsufficientCredits` (details `required`, `available` in micros), `NotAllowed` when the balance is
        frozen, and whatever a check raises. A row of `also` that breaks a constraint raises SQLAlchemy's
        `IntegrityError`, one that touches the wrong number of rows `CompanionFailed`; the hold is then not made.
        """
        op = HoldOp(workspace_id, generation_id, amount, deadline_at, also, checks)
        return cast(Held, await self._lane.submit_async(op))

    async def settle(
        self,
        generation_id: str,
        measured: Money,
        *,
        overage: Overage = "cap",
        cost: Money | None = None,
        provider_id: str | None = None,
        actor: str = "system",
        memo: Mapping[str, Any] | None = None,
        also: Also = (),
    ) -> Settled:
        """Charge what was measured and give the rest of the hold back; `cost` (in USD) is booked beside it.

        After a release nothing is charged: the answer has `late=True` and the cost is ours. `also` is then asked only
        if it is a function of the result.
        """
        op = SettleOp(generation_id, measured, overage, _cost(cost, provider_id), actor, memo, also)
        return cast(Settled, await self._lane.submit_async(op))

    async def capture_early(
        self,
        generation_id: str,
        amount: Money | None = None,
        *,
        actor: str = "system",
        memo: Mapping[str, Any] | None = None,
        also: Also = (),
    ) -> Settled:
        """Charge the estimate at acceptance (the whole hold when no amount is given), never more than the hold.

        `settle` has the last word and never charges more than this; `release` gives everything back.
        """
        return cast(Settled, await self._lane.submit_async(CaptureEarlyOp(generation_id, amount, actor, memo, also)))

    async def release(
        self,
        generation_id: str,
        *,
        reason: str,
        cost: Money | None = None,
        provider_id: str | None = None,
        unknown: bool = False,
        actor: str = "system",
        also: Also = (),
    ) -> Released:
        """Give the hold (or the early charge) back. A cost is then ours; `unknown` books it as merely expected."""
        op = ReleaseOp(generation_id, reason, _cost(cost, provider_id), unknown, actor, also)
        return cast(Released, await self._lane.submit_async(op))

    async def grant(
        self,
        workspace_id: str,
        amount: Money,
        *,
        kind: str,
        label: str,
        ref: str,
        actor: str,
        priority: int | None = None,
        expires_at: datetime | None = None,
        cost_basis: Money | None = None,
        also: Also = (),
        checks: Sequence[Check] = (),
        within: Within | None = None,
        memo: Mapping[str, Any] | None = None,
    ) -> Posting:
        """Hand out credits (`paid`, `promo`, `plan` or `correction`) as a lot. `ref` names the occasion, once."""
        order = PRIORITIES.get(kind, PRIORITIES["paid"]) if priority is None else priority
        op = GrantOp(
            workspace_id,
            amount,
            kind,
            label,
            ref,
            actor,
            order,
            expires_at,
            cost_basis,
            also,
            checks,
            within,
            memo,
        )
        return cast(Posting, await self._lane.submit_async(op))

    async def debit(
        self,
        workspace_id: str,
        amount: Money,
        *,
        purpose: Purpose,
        ref: str,
        actor: str,
        partial: bool = False,
        memo: Mapping[str, Any] | None = None,
        checks: Sequence[Check] = (),
        within: Within | None = None,
    ) -> Posting:
        """Take credits without a generation: an invoice paid with them, an operator's debit, a wallet that is closed.

        Raises `InsufficientCredits` for more than are free; with `partial` only when none are. Once per `ref`.
        """
        op = DebitOp(workspace_id, amount, purpose, ref, actor, partial, memo=memo, checks=checks, within=within)
        return cast(Posting, await self._lane.submit_async(op))

    async def top_up(
        self,
        workspace_id: str,
        paid: Money,
        *,
        ref: str,
        label: str,
        actor: str,
        bonus: Money | None = None,
        bonus_label: str = "",
        expires_at: datetime | None = None,
        bonus_expires_at: datetime | None = None,
        cost_basis: Money | None = None,
        cash: Cash | None = None,
        checks: Sequence[Check] = (),
        within: Within | None = None,
        priority: int | None = None,
        memo: Mapping[str, Any] | None = None,
    ) -> ToppedUp:
        """Credits for a payment, whose own id is `ref`: once. What was paid for and the bonus are a lot each.

        A debt is paid first, from the credits that were paid for. `cost_basis` is what the lot cost, `cash` the same
        in the books of money (through which door, net and tax). `within` runs on the same connection after the books
        are written: the order, its invoice and the outbox commit with the credits; what it raises comes back from here
        and undoes this operation alone. Raises `IdempotencyConflict` for the same `ref` with other figures.
        """
        op = TopUpOp(
            workspace_id,
            paid,
            ref,
            label,
            actor,
            bonus,
            bonus_label,
            expires_at,
            bonus_expires_at,
            cost_basis,
            cash,
            checks=checks,
            within=within,
            priority=priority,
            memo=memo,
        )
        return cast(ToppedUp, await self._lane.submit_async(op))

    async def set_aside(
        self,
        workspace_id: str,
        *,
        ref: str,
        lot_id: str,
        amount: Money,
        reason: AsideReason,
        actor: str,
        partial: bool = False,
        within: Within | None = None,
    ) -> SetAside:
        """Take up to `amount` of that lot out of the balance while its payment's refund or dispute is decided.

        What holds count on stays. Without `partial` too few credits raise `InsufficientCredits`; with it the answer
        says what is `short`. `ref` is the refund's or the dispute's own id and counts once, for ever.
        """
        op = SetAsideOp(workspace_id, ref, lot_id, amount, reason, actor, partial, within=within)
        return cast(SetAside, await self._lane.submit_async(op))

    async def give_back(self, ref: str, *, actor: str, within: Within | None = None) -> Returned:
        """The refund failed or the dispute was won: what was set aside returns to its lot.

        Raises `Conflict` when it was taken back: money that comes in again is a new top-up.
        """
        return cast(Returned, await self._lane.submit_async(GiveBackOp(ref, actor, within=within)))

    async def take_back(
        self,
        ref: str,
        *,
        shortfall: Money,
        actor: str,
        cash: Cash | None = None,
        within: Within | None = None,
    ) -> TakenBack:
        """The payment went back: what was set aside is gone for good.

        `shortfall` is what of it was used already: it becomes debt, and freezes the balance until it is paid by a
        top-up or written off. `cash` is what left the books of money.
        """
        op = TakeBackOp(ref, shortfall, actor, cash, within=within)
        return cast(TakenBack, await self._lane.submit_async(op))

    async def write_off(
        self, workspace_id: str, amount: Money, *, ref: str, actor: str, reason: str, within: Within | None = None
    ) -> Posting:
        """Give up on a debt, or on part of it, once per `ref`."""
        op = WriteOffOp(workspace_id, amount, ref, actor, reason, within=within)
        return cast(Posting, await self._lane.submit_async(op))

    def settle_owed(
        self, workspace_id: str, amount: Money, *, ref: str, actor: str, written_off: bool = False
    ) -> Posting:
        """What was used on the limit is paid, or given up on, as far as it is owed; once per `ref`."""
        return cast(Posting, self.perform(SettleOwedOp(workspace_id, amount, ref, actor, written_off)))

    async def expire_lots(
        self, at: datetime | None = None, limit: int = 500, *, but: ColumnElement[bool] | None = None
    ) -> list[Expired]:
        """End what is left of lots past their last day, `but` those that still wait: what happened, longest past first.

        What holds count on waits for them, and is used up first. Any number of processes may do this at any time.
        """
        moment = at or self._clock()
        due = await asyncio.to_thread(self._ended, moment, limit, but)
        waiting = [self._lane.submit_async(ExpireOp(lot.lot_id, lot.label)) for lot in due]
        return [cast(Expired, outcome) for outcome in await asyncio.gather(*waiting)]

    def _ended(self, at: datetime, limit: int, but: ColumnElement[bool] | None) -> list[Ending]:
        with self._db.read() as connection:
            return ended(connection, at, limit=limit, but=but)

    async def freeze(
        self, workspace_id: str, reason: str, ref: str, *, actor: str, within: Within | None = None
    ) -> Frozen:
        """Take no new holds, for one more reason; the same `reason` and `ref` count once while in force."""
        return cast(Frozen, await self._lane.submit_async(FreezeOp(workspace_id, reason, ref, actor, within=within)))

    async def thaw(
        self, workspace_id: str, reason: str, ref: str | None = None, *, actor: str, within: Within | None = None
    ) -> Frozen:
        """A reason is gone (all of that name without a `ref`); holds are taken again when it was the last one."""
        return cast(Frozen, await self._lane.submit_async(ThawOp(workspace_id, reason, ref, actor, within=within)))

    async def adjust(
        self, workspace_id: str, amount: Money, *, ref: str, actor: str, reason: str, also: Also = ()
    ) -> Posting:
        """Correct a balance up or down, once per `ref`. Held credits are not taken away."""
        return cast(Posting, await self._lane.submit_async(AdjustOp(workspace_id, amount, ref, actor, reason, also)))

    async def reverse(self, journal_id: str, *, actor: str, reason: str, also: Also = ()) -> Posting:
        """Post the opposite of a journal; a journal is reversed once."""
        return cast(Posting, await self._lane.submit_async(ReverseOp(journal_id, actor, reason, also)))

    async def absorb(
        self,
        generation_id: str,
        cost: Money,
        *,
        provider_id: str,
        ref: str,
        reason: str,
        actor: str = "system",
        also: Also = (),
    ) -> Posting:
        """Book an upstream cost nobody pays for, such as a failed attempt that was billed; once per `ref`."""
        op = AbsorbOp(generation_id, ref, Cost(provider_id, cost), actor, reason, also)
        return cast(Posting, await self._lane.submit_async(op))

    def perform(self, op: Operation) -> Result:
        """Do one operation from a plain thread (commands, the demo's seed) and wait for its commit."""
        return cast(Result, self._lane.submit(op).result())


def _cost(cost: Money | None, provider_id: str | None) -> Cost | None:
    if cost is None:
        return None
    if provider_id is None:
        raise InvalidInput("A cost needs the provider it is owed to.", param="provider_id")
    if cost.micros < 0:
        raise InvalidInput("A cost cannot be below zero.", param="cost")
    return Cost(provider_id, cost)
