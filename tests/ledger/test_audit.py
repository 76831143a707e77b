"""Each invariant is broken once, behind the back of code and guards, and must be the one that is reported."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.ledger.audit import INVARIANTS, read_invariants, run_audit
from app.ledger.operations import CaptureEarlyOp, GiveBackOp, SetAsideOp, TakeBackOp
from tests.ledger.support import DEADLINE, EUR, START, Shop, cost, credits, run
from tests.support.lawless import lawless

JOURNAL = (
    "INSERT INTO journal (id, kind, ref, wallet_id, generation_id, actor, created_at)"
    " SELECT 'jrn_x', {kind}, 'x', {wallet}, {generation}, 'x', '2026-01-01' FROM wallet WHERE id = 1"
)
ENTRY = (
    "INSERT INTO entry (journal_id, position, account, unit, amount)"
    " VALUES ({journal}, 90, {account}, {unit}, {amount})"
)
THE_CAPTURE = "(SELECT id FROM journal WHERE kind = 'capture' ORDER BY id LIMIT 1)"
A_SETTLED = "(SELECT generation_id FROM hold WHERE state = 1 ORDER BY generation_id LIMIT 1)"
AN_OPEN = "(SELECT generation_id FROM hold WHERE state = 0 ORDER BY generation_id LIMIT 1)"
A_RELEASED = "(SELECT generation_id FROM hold WHERE state = 2 ORDER BY generation_id LIMIT 1)"

BREAKAGES: dict[str, list[str]] = {
    "journals_balance": [ENTRY.format(journal=THE_CAPTURE, account="'x'", unit="'credit'", amount=1)],
    "units_balance": [ENTRY.format(journal=THE_CAPTURE, account="'x'", unit="'USD'", amount=1)],
    "balance_is_entries": ["UPDATE wallet SET balance = balance + 1 WHERE id = 1"],
    "balance_is_lots": ["UPDATE lot SET remaining = remaining - 1 WHERE open"],
    "held_is_open_holds": ["UPDATE wallet SET held = held + 1"],
    "owed_is_entries": ["UPDATE wallet SET owed = owed + 1"],
    "debt_is_entries": ["UPDATE wallet SET debt = debt + 1"],
    "nothing_below_zero": ["UPDATE wallet SET credit_limit = -1"],
    "frozen_has_a_reason": ["UPDATE wallet SET frozen = NOT frozen"],
    "frozen_for_a_debt": [
        "INSERT INTO wallet_freeze (id, wallet_id, reason, ref, actor, created_at)"
        " VALUES ('frz_x', 1, 'debt', 'x', 'x', '2026-01-01')"
    ],
    "wallet_chain": ["UPDATE entry SET balance_after = balance_after + 1 WHERE account LIKE 'ws%'"],
    "wallet_entries_are_numbered": ["UPDATE wallet SET version = 0"],
    "captured_once": [f"UPDATE hold SET captured = captured + 1 WHERE generation_id = {A_SETTLED}"],
    "uncaptured_is_free": [JOURNAL.format(kind="'capture'", wallet="1", generation=A_RELEASED)],
    "captures_have_holds": [JOURNAL.format(kind="'capture'", wallet="1", generation="'gen_none'")],
    "captured_within_hold": [
        f"UPDATE hold SET amount = 1 WHERE generation_id = {A_SETTLED}",
        'UPDATE model_version SET pricing_rule = \'{"overage": "cap"}\'',
    ],
    "never_given_back_twice": [
        JOURNAL.format(kind="'reversal'", wallet="1", generation=A_RELEASED),
        ENTRY.format(journal="'jrn_x'", account=r"'ws\:x'", unit="'credit'", amount=-5),
    ],
    "lots_add_up": ["UPDATE lot_use SET amount = amount + 1"],
    "lots_open_while_full": ["UPDATE lot SET open = NOT open"],
    "lots_pay_for_credits": ["UPDATE lot_use SET amount = amount - 1"],
    "top_ups_make_lots": ["UPDATE lot SET kind = 'promo' WHERE kind = 'paid'"],
    "bonus_beside_a_top_up": ["UPDATE journal SET ref = 'x' WHERE kind = 'bonus'"],
    "expired_when_due": ["UPDATE lot SET expires_at = '2090-01-01' WHERE expires_at IS NOT NULL"],
    "set_aside_is_entries": ["UPDATE set_aside SET state = 0 WHERE state = 1"],
    "set_asides_are_posted": ["UPDATE set_aside SET shortfall = 1 WHERE state = 2"],
    "set_asides_have_rows": ["DELETE FROM set_aside WHERE state = 1"],
    "taken_back_once": ["UPDATE lot SET granted = granted - 1 WHERE id IN (SELECT lot_id FROM set_aside)"],
    "debt_has_a_cause": ["UPDATE journal SET kind = 'bonus' WHERE kind = 'take_back'"],
    "money_comes_with_credits": ["UPDATE entry SET amount = -amount WHERE unit = 'EUR'"],
    "reversals_undo": [
        JOURNAL.format(kind="'reversal'", wallet="2", generation="NULL"),
        f"UPDATE journal SET reverses_id = {THE_CAPTURE} WHERE id = 'jrn_x'",
    ],
    "holds_have_generations": [f"UPDATE generation SET hold_micros = 7 WHERE id = {AN_OPEN}"],
    "finished_means_closed": [f"UPDATE generation SET finished_at = created_at WHERE id = {AN_OPEN}"],
    "closed_means_finished": [f"UPDATE generation SET finished_at = NULL WHERE id = {A_RELEASED}"],
    "charged_as_shown": ["UPDATE generation SET charged_micros = 1 WHERE finished_at IS NOT NULL"],
    "costs_are_booked": ["UPDATE attempt SET cost_micros = 5 WHERE cost_micros > 0"],
    "no_hold_forgotten": ["UPDATE hold SET deadline_at = '2026-01-01' WHERE state = 0"],
    "spend_is_charges": ["UPDATE spend SET charged_micros = charged_micros + 1"],
}


@pytest.fixture
def busy(broken_shop: Shop) -> Shop:
    """Books with one of everything: settled at a cost, owed, open, released, and charged on submit."""
    shop = broken_shop
    workspace, postpaid = shop.workspace(100), shop.workspace(10, credit_limit=50)
    shop.settle(shop.hold(workspace, 30), 20, cost=cost(3_000))
    shop.settle(shop.hold(postpaid, 30), 30)
    shop.hold(workspace, 10)
    shop.release(shop.hold(workspace, 5))
    shop.ledger.perform(CaptureEarlyOp(shop.hold(workspace, 4)))
    shop.top_up(workspace, 100, 10)
    _sold_and_taken_back(shop)
    assert run_audit(shop.db, at=START) == []
    return shop


def _sold_and_taken_back(shop: Shop) -> None:
    """Credits bought for euros and refunded; set aside, given back, taken back short; and a gift that ended."""
    workspace = shop.workspace()
    lot_id = shop.top_up(workspace, 100, cash=EUR).lot_id
    shop.settle(shop.hold(workspace, 30), 30)
    shop.perform(SetAsideOp(workspace, "re_0", lot_id, credits(5), "refund", "ann"))
    shop.perform(GiveBackOp("re_0", "ann"))
    shop.perform(SetAsideOp(workspace, "re_1", lot_id, credits(100), "refund", "ann", partial=True))
    shop.perform(TakeBackOp("re_1", credits(30), "ann", EUR))
    shop.grant(workspace, 5, expires_at=START.replace(year=2020))
    run(shop.ledger.expire_lots())
    shop.perform(SetAsideOp(workspace, "re_2", shop.top_up(workspace, 50).lot_id, credits(10), "dispute", "ann"))


def test_every_invariant_is_broken_once() -> None:
    assert list(BREAKAGES) == [invariant.name for invariant in INVARIANTS]


@dataclass(frozen=True)
class Within:
    """For the audit, a database of which it sees what one unfinished transaction sees."""

    connection: Connection
    is_sqlite: bool

    @contextmanager
    def read(self) -> Iterator[Connection]:
        yield self.connection


def test_every_breach_is_reported(busy: Shop) -> None:
    """Each in its turn, and taken back before the next: the same books serve all of them."""
    with lawless(busy.db) as connection:
        inside: Any = Within(connection, busy.db.is_sqlite)
        if not busy.db.is_sqlite:
            connection.execute(text("ALTER TABLE wallet DROP CONSTRAINT wallet_not_negative"))
        for name, statements in BREAKAGES.items():
            connection.execute(text("SAVEPOINT unbroken"))
            for statement in statements:
                assert connection.execute(text(statement)).rowcount > 0, (name, statement)
            breaches = {breach.name: breach for breach in run_audit(inside, at=START)}
            assert name in breaches, (name, sorted(breaches))
            assert breaches[name].rows, name
            assert str(breaches[name]).startswith(f"{name}: broken. {breaches[name].sentence}\n  ")
            connection.execute(text("ROLLBACK TO SAVEPOINT unbroken"))
        assert run_audit(inside, at=START) == []
        connection.rollback()
    assert run_audit(busy.db, at=START) == []


def test_an_open_hold_is_overdue_only_after_a_grace(busy: Shop) -> None:
    names = [breach.name for breach in run_audit(busy.db, at=DEADLINE + timedelta(minutes=59))]
    assert names == []
    names = [breach.name for breach in run_audit(busy.db, at=DEADLINE + timedelta(minutes=61))]
    assert names == ["no_hold_forgotten"]


def test_every_invariant_is_read_with_its_sentence() -> None:
    source = "-- a comment\n\n-- one: First.\nSELECT 1;\n\n-- two: Second.\nSELECT 'a:b', 2;\n"
    one, two = read_invariants(source)
    assert (one.name, one.sentence, one.sql) == ("one", "First.", "SELECT 1")
    assert (two.name, two.sql) == ("two", "SELECT 'a:b', 2")
    assert str(two.statement(START)) == "SELECT 'a:b', 2"
