"""Any sequence of operations, repeated, late, out of order and interrupted: a small model of the ledger predicts what
each answers and leaves behind, and the audit finds nothing after any of them."""

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from app.kernel.db import Database
from app.kernel.errors import Conflict, IdempotencyConflict, InsufficientCredits, InvalidInput, NotAllowed, NotFound
from app.kernel.money import Money
from app.ledger.audit import run_audit
from app.ledger.lane import Lane
from app.ledger.operations import (
    AdjustOp,
    CaptureEarlyOp,
    ExpireOp,
    FreezeOp,
    GiveBackOp,
    ReverseOp,
    SetAsideOp,
    TakeBackOp,
    ThawOp,
    WriteOffOp,
)
from app.ledger.reads import balance
from app.ledger.wallet import Ledger
from tests.ledger.support import START, Shop, cost

MOST = 40
AMOUNTS = st.integers(0, MOST)
OVERAGES = st.sampled_from(["cap", "extend", "owe"])
COSTS = st.sampled_from([None, 0, 1_000, 3_000])
#: The machine's clock stands still at START: a lot has ended, ends later, or never.
ENDS = st.sampled_from([None, START, START + timedelta(days=1)])
WAITING, GIVEN, TAKEN = "waiting", "given back", "taken back"
NOTHING = ("", "")  # a lot, or a set-aside, that is not there


@dataclass
class Wallet:
    """What the machine believes of one wallet."""

    limit: int
    balance: int = 0
    owed: int = 0
    debt: int = 0
    held: dict[str, int] = field(default_factory=dict)
    asides: dict[str, "Aside"] = field(default_factory=dict)
    freezes: set[str] = field(default_factory=set)

    @property
    def available(self) -> int:
        return self.balance + self.limit - self.owed - sum(self.held.values()) - self.debt

    @property
    def unheld(self) -> int:
        return max(0, self.balance - sum(self.held.values()))

    def taken_of(self, lot_id: str) -> int:
        """What of a lot refunds have taken, or may yet take."""
        mine = (aside for aside in self.asides.values() if aside.lot_id == lot_id and aside.state != GIVEN)
        return sum(aside.amount + aside.shortfall for aside in mine)

    def pay_debt(self, amount: int) -> None:
        self.debt -= amount
        if amount and not self.debt:
            self.freezes = {reason for reason in self.freezes if not reason.startswith("debt")}

    def charge(self, amount: int) -> None:
        prepaid = min(amount, self.balance)
        self.balance -= prepaid
        self.owed += amount - prepaid

    def refund(self, prepaid: int, owed: int) -> None:
        self.balance += prepaid
        self.owed -= owed


@dataclass
class Charge:
    """What the machine believes of one generation that was charged."""

    wallet: str
    amount: int
    prepaid: int
    early: bool
    over: bool  # settled or refunded for good
    refunded: bool = False
    journal_id: str | None = None


@dataclass
class Aside:
    """What the machine believes of credits set aside."""

    lot_id: str
    amount: int
    state: str = WAITING
    shortfall: int = 0


class Interrupted(Exception):
    """Raised by work that travels with an operation."""


def interrupt(_connection: object, _done: object) -> None:
    raise Interrupted


class LedgerMachine(RuleBasedStateMachine):
    """Amounts are micro-credits, so that nothing is ever round."""

    generations = Bundle("generations")
    wallets = Bundle("wallets")
    lots = Bundle("lots")  # (workspace, lot)
    asides = Bundle("asides")  # (workspace, ref)

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="farebox-machine-"))
        shutil.copyfile(self.template, self.folder / "x.sqlite")
        self.db = Database(f"sqlite:///{self.folder / 'x.sqlite'}")
        self.lane = Lane(self.db, lambda: START)
        self.shop = Shop(Ledger(self.db), self.db)
        self.model: dict[str, Wallet] = {}
        self.home: dict[str, str] = {}  # generation → workspace
        self.charges: dict[str, Charge] = {}
        self.released: set[str] = set()
        self.grants = 0

    def teardown(self) -> None:
        self.lane.stop()
        self.db.dispose()
        shutil.rmtree(self.folder)

    def do(self, op: Any, times: int = 1) -> Any:
        """The operation, asked `times` times in one batch: the first answer, after checking the others agree."""
        outcomes = self.lane.work([op] * times)
        first = outcomes[0]
        for other in outcomes[1:]:
            if isinstance(first, Exception):
                assert type(other) is type(first)
            else:
                assert other.already
        return first

    @initialize(target=wallets, limit=st.sampled_from([0, 0, 30]))
    def first_wallet(self, limit: int) -> str:
        return self.open_wallet(limit)

    @rule(target=wallets, limit=st.sampled_from([0, 25]))
    def open_wallet(self, limit: int) -> str:
        if len(self.model) >= 3:
            return next(iter(self.model))
        workspace = self.shop.workspace()
        self.shop.execute(f"UPDATE wallet SET credit_limit = {limit} WHERE workspace_id = '{workspace}'")
        self.model[workspace] = Wallet(limit)
        return workspace

    @rule(wallet=wallets, amount=st.integers(1, MOST), priority=st.integers(1, 3), times=st.integers(1, 2))
    def grant(self, wallet: str, amount: int, priority: int, times: int) -> None:
        self.grants += 1
        op = self.shop.grant_op(wallet, 1, ref=f"g{self.grants}", priority=priority)._replace(amount=Money(amount))
        self.do(op, times)
        self.model[wallet].balance += amount

    @rule(target=generations, wallet=wallets, amount=AMOUNTS, times=st.integers(1, 3))
    def hold(self, wallet: str, amount: int, times: int) -> str:
        op = self.shop.hold_op(wallet, 0)
        row = dict(op.also[0].params) | {"hold_micros": amount}
        op = op._replace(amount=Money(amount), also=[op.also[0]._replace(params=row), *op.also[1:]])
        before = self.model[wallet].available
        outcome = self.do(op, times)
        if self.model[wallet].freezes:
            assert isinstance(outcome, NotAllowed)
            return op.generation_id
        if amount and amount > before:
            assert isinstance(outcome, InsufficientCredits)
            assert outcome.details == {"required": amount, "available": max(0, before)}
            return op.generation_id
        assert not outcome.already
        self.model[wallet].held[op.generation_id] = amount
        self.home[op.generation_id] = wallet
        return op.generation_id

    @rule(generation=generations, measured=AMOUNTS, overage=OVERAGES, price=COSTS, times=st.integers(1, 2))
    def settle(self, generation: str, measured: int, overage: str, price: int | None, times: int) -> None:
        paid = None if price is None else cost(price)
        op = self.shop.settle_op(generation, 0, overage=overage, cost=paid)._replace(measured=Money(measured))
        outcome = self.do(op, times)
        if generation not in self.home:
            assert isinstance(outcome, Exception)
            return
        wallet = self.model[self.home[generation]]
        known = self.charges.get(generation)
        if generation in self.released or (known and known.refunded and known.early and not known.over):
            assert (outcome.late, outcome.charged.micros) == (True, 0)
        elif known and known.over:
            assert (outcome.already, outcome.charged.micros) == (True, known.amount)
        elif known:
            self.end_early(wallet, known, measured)
            assert outcome.charged.micros == known.amount
        else:
            amount = self.expected(wallet, wallet.held.pop(generation), measured, overage)
            self.charged(generation, wallet, amount, outcome.journal_id, early=False)
            assert (outcome.charged.micros, outcome.absorbed.micros) == (amount, measured - amount)

    @rule(wallet=wallets, amount=st.integers(0, 5), measured=st.integers(5, MOST), overage=OVERAGES)
    def overrun(self, wallet: str, amount: int, measured: int, overage: str) -> None:
        """More was delivered than was held for, which chance alone seldom brings about."""
        self.settle(self.hold(wallet, amount, 1), measured, overage, None, 1)

    def expected(self, wallet: Wallet, held: int, measured: int, overage: str) -> int:
        spare = max(0, wallet.available - held)
        over = measured - held
        if over <= 0:
            return measured
        if wallet.freezes:
            return held
        if overage == "extend":
            return measured if over <= spare else held
        if overage == "owe" and wallet.limit:
            return held + min(over, spare)
        return held

    def charged(self, generation: str, wallet: Wallet, amount: int, journal_id: str, *, early: bool) -> None:
        prepaid = min(amount, wallet.balance)
        wallet.charge(amount)
        self.charges[generation] = Charge(
            self.home[generation], amount, prepaid, early, over=not early, journal_id=journal_id
        )

    def end_early(self, wallet: Wallet, known: Charge, measured: int) -> None:
        back = max(0, known.amount - measured)
        owed = min(back, known.amount - known.prepaid)
        wallet.refund(back - owed, owed)
        known.amount -= back
        known.prepaid -= back - owed
        known.over = True

    @rule(generation=generations, amount=AMOUNTS, times=st.integers(1, 2))
    def capture_early(self, generation: str, amount: int, times: int) -> None:
        outcome = self.do(CaptureEarlyOp(generation, Money(amount)), times)
        if generation not in self.home:
            assert isinstance(outcome, Exception)
            return
        wallet = self.model[self.home[generation]]
        if generation not in wallet.held:
            assert outcome.already
            return
        taken = min(amount, wallet.held.pop(generation))
        assert (outcome.already, outcome.charged.micros) == (False, taken)
        self.charged(generation, wallet, taken, outcome.journal_id, early=True)

    @rule(generation=generations, price=COSTS, times=st.integers(1, 2))
    def release(self, generation: str, price: int | None, times: int) -> None:
        paid = None if price is None else cost(price)
        outcome = self.do(self.shop.release_op(generation, cost=paid), times)
        if generation not in self.home:
            assert isinstance(outcome, Exception)
            return
        wallet = self.model[self.home[generation]]
        known = self.charges.get(generation)
        if generation in wallet.held:
            assert (outcome.already, outcome.returned.micros) == (False, wallet.held.pop(generation))
            self.released.add(generation)
        elif known and known.early and not known.over and not known.refunded:
            assert (outcome.already, outcome.returned.micros) == (False, known.amount)
            wallet.refund(known.prepaid, known.amount - known.prepaid)
            known.refunded = True
        else:
            assert outcome.already

    @rule(generation=generations, times=st.integers(1, 2))
    def refund(self, generation: str, times: int) -> None:
        known = self.charges.get(generation)
        if known is None or not known.over:
            return
        outcome = self.do(ReverseOp(known.journal_id, "ann", "x"), times)
        assert (outcome.already, outcome.amount.micros) == (known.refunded, known.amount)
        if not known.refunded:
            self.model[known.wallet].refund(known.prepaid, known.amount - known.prepaid)
            known.refunded = True

    @rule(wallet=wallets, amount=st.integers(-MOST, MOST).filter(bool))
    def adjust(self, wallet: str, amount: int) -> None:
        self.grants += 1
        outcome = self.do(AdjustOp(wallet, Money(amount), f"a{self.grants}", "ann", "x"))
        model = self.model[wallet]
        if -amount > max(0, min(model.balance, model.available)):
            assert isinstance(outcome, InsufficientCredits)
        else:
            model.balance += amount

    # --- money in, and back

    @rule(
        target=lots,
        wallet=wallets,
        paid=st.integers(1, MOST),
        bonus=st.integers(0, 5),
        ends=ENDS,
        times=st.integers(1, 2),
        interrupted=st.sampled_from([False, False, False, True]),
    )
    def top_up(
        self, wallet: str, paid: int, bonus: int, ends: datetime | None, times: int, interrupted: bool
    ) -> MultipleResults[tuple[str, str]]:
        self.grants += 1
        op = self.shop.top_up_op(wallet, 1, ref=f"pi{self.grants}", expires_at=ends, bonus_expires_at=ends)
        op = op._replace(paid=Money(paid), bonus=Money(bonus) if bonus else None)
        if interrupted:
            assert isinstance(self.do(op._replace(within=interrupt), times), Interrupted)
        outcome = self.do(op, times)
        model = self.model[wallet]
        into_debt = min(paid, model.debt)
        assert (outcome.already, outcome.debt_paid.micros) == (False, into_debt)
        model.pay_debt(into_debt)
        model.balance += paid - into_debt + bonus
        made = [lot for lot in (outcome.lot_id, outcome.bonus_lot_id) if lot]
        return multiple(*((wallet, lot_id) for lot_id in made))

    @rule(
        target=asides,
        lot=lots,
        amount=st.integers(1, MOST),
        partial=st.booleans(),
        reason=st.sampled_from(["refund", "dispute"]),
        times=st.integers(1, 2),
    )
    def set_aside(self, lot: tuple[str, str], amount: int, partial: bool, reason: str, times: int) -> tuple[str, str]:
        (wallet, lot_id), model = lot, self.model[lot[0]]
        self.grants += 1
        ref = f"re{self.grants}"
        known = self.shop.ledger.lot(lot_id)
        there = min(amount, known.remaining.micros, model.unheld, known.granted.micros - model.taken_of(lot_id))
        outcome = self.do(SetAsideOp(wallet, ref, lot_id, Money(amount), reason, "ann", partial), times)
        if there < amount and not partial:
            assert isinstance(outcome, InsufficientCredits)
            return NOTHING
        assert (outcome.amount.micros, outcome.short.micros, outcome.already) == (there, amount - there, False)
        model.balance -= there
        model.asides[ref] = Aside(lot_id, there)
        return wallet, ref

    @rule(aside=asides, times=st.integers(1, 2))
    def give_back(self, aside: tuple[str, str], times: int) -> None:
        outcome = self.do(GiveBackOp(aside[1], "ann"), times)
        if aside == NOTHING:
            assert isinstance(outcome, NotFound)
            return
        model, known = self.model[aside[0]], self.model[aside[0]].asides[aside[1]]
        if known.state == TAKEN:
            assert isinstance(outcome, Conflict)
            return
        assert (outcome.already, outcome.amount.micros) == (known.state == GIVEN, known.amount)
        if known.state == WAITING:
            known.state = GIVEN
            model.balance += known.amount

    @rule(aside=asides, shortfall=st.integers(0, MOST), times=st.integers(1, 2))
    def take_back(self, aside: tuple[str, str], shortfall: int, times: int) -> None:
        outcome = self.do(TakeBackOp(aside[1], Money(shortfall), "ann"), times)
        if aside == NOTHING:
            assert isinstance(outcome, NotFound)
            return
        model, known = self.model[aside[0]], self.model[aside[0]].asides[aside[1]]
        if known.state == GIVEN:
            assert isinstance(outcome, Conflict)
        elif known.state == TAKEN:
            assert isinstance(outcome, IdempotencyConflict) or (outcome.already and shortfall == known.shortfall)
        elif shortfall > self.shop.ledger.lot(known.lot_id).granted.micros - model.taken_of(known.lot_id):
            assert isinstance(outcome, InvalidInput)
        else:
            assert (outcome.already, outcome.amount.micros) == (False, known.amount)
            known.state, known.shortfall = TAKEN, shortfall
            model.debt += shortfall
            if shortfall:
                model.freezes.add(f"debt {aside[1]}")

    @rule(wallet=wallets, amount=st.integers(1, MOST), times=st.integers(1, 2))
    def write_off(self, wallet: str, amount: int, times: int) -> None:
        self.grants += 1
        outcome = self.do(WriteOffOp(wallet, Money(amount), f"w{self.grants}", "ann", "x"), times)
        if amount > self.model[wallet].debt:
            assert isinstance(outcome, InvalidInput)
        else:
            self.model[wallet].pay_debt(amount)

    @rule(wallet=wallets, times=st.integers(1, 2))
    def freeze(self, wallet: str, times: int) -> None:
        outcome = self.do(FreezeOp(wallet, "operator", "x", "ann"), times)
        assert outcome == (True, "operator x" in self.model[wallet].freezes)
        self.model[wallet].freezes.add("operator x")

    @rule(wallet=wallets, reason=st.sampled_from(["operator", "operator", "debt"]), times=st.integers(1, 2))
    def thaw(self, wallet: str, reason: str, times: int) -> None:
        model = self.model[wallet]
        kept = {freeze for freeze in model.freezes if not freeze.startswith(reason)}
        outcome = self.do(ThawOp(wallet, reason, None, "ann"), times)
        assert outcome == (bool(kept), kept == model.freezes)
        model.freezes = kept

    @rule(lot=lots, times=st.integers(1, 2))
    def expire(self, lot: tuple[str, str], times: int) -> None:
        (wallet, lot_id), model = lot, self.model[lot[0]]
        known = self.shop.ledger.lot(lot_id)
        outcome = self.do(ExpireOp(lot_id), times)
        if known.expires_at is None or known.expires_at > START:
            assert isinstance(outcome, Conflict)
            return
        amount = min(known.remaining.micros, model.unheld)
        assert (outcome.already, outcome.amount.micros) == (amount == 0, amount)
        assert outcome.left.micros == known.remaining.micros - amount
        self.model[wallet].balance -= amount

    @invariant()
    def figures_agree(self) -> None:
        for workspace, wallet in self.model.items():
            with self.db.read() as connection:
                found = balance(connection, workspace)
            assert (found.balance.micros, found.held.micros, found.owed.micros, found.debt.micros) == (
                wallet.balance,
                sum(wallet.held.values()),
                wallet.owed,
                wallet.debt,
            )
            waiting = sum(aside.amount for aside in wallet.asides.values() if aside.state == WAITING)
            assert (found.set_aside.micros, found.frozen) == (waiting, bool(wallet.freezes))
            assert found.available.micros == max(0, wallet.available)

    @invariant()
    def the_audit_is_clean(self) -> None:
        breaches = run_audit(self.db, at=START)
        assert not breaches, breaches


def run_machine(template: Path, examples: int, steps: int) -> None:
    LedgerMachine.template = template
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_bug_b4_any_sequence_of_operations_keeps_the_books(sqlite_template: Path) -> None:
    run_machine(sqlite_template, examples=10, steps=30)


@pytest.mark.long
def test_any_long_sequence_of_operations_keeps_the_books(sqlite_template: Path) -> None:
    run_machine(sqlite_template, examples=1_000, steps=50)
