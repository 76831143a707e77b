"""Credits bought: once for each payment, the bonus a lot of its own, and a debt before everything."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.kernel.db import Database
from app.kernel.errors import Broken, Conflict, IdempotencyConflict, InvalidInput, NotFound
from app.kernel.money import Money
from app.ledger import lane as lanes
from app.ledger import tables
from app.ledger.lane import Lane
from app.ledger.operations import ReverseOp, ToppedUp
from app.ledger.reads import account_balances
from tests.ledger.support import EUR, START, Shop, credits, new_workspace, run

LATER, LAST = START.replace(year=2090), START.replace(year=2095)


def test_what_was_paid_for_is_a_lot_and_so_is_the_bonus(shop: Shop) -> None:
    workspace = shop.workspace()
    bought = run(
        shop.ledger.top_up(
            workspace,
            credits(100),
            ref="pi_1",
            label="Starter",
            actor="stripe",
            bonus=credits(10),
            bonus_label="Starter bonus",
            expires_at=LAST,
            bonus_expires_at=LATER,
            cost_basis=Money(95_000_000, "EUR"),
        )
    )
    assert (bought.debt_paid, bought.already) == (credits(0), False)
    assert shop.figures(workspace) == (110, 0, 0)
    bonus, paid = shop.ledger.lots(workspace)
    assert (paid.id, paid.kind, paid.label, paid.expires_at) == (bought.lot_id, "paid", "Starter", LAST)
    assert (bonus.id, bonus.kind, bonus.label, bonus.expires_at) == (
        bought.bonus_lot_id,
        "promo",
        "Starter bonus",
        LATER,
    )
    assert (paid.granted, paid.cost_basis) == (credits(100), Money(95_000_000, "EUR"))
    assert (bonus.granted, bonus.cost_basis) == (credits(10), None)


def test_a_payment_counts_once(shop: Shop) -> None:
    workspace = shop.workspace()
    first = shop.top_up(workspace, 100, 10, ref="pi_1")
    assert shop.top_up(workspace, 100, 10, ref="pi_1") == first._replace(already=True)
    assert shop.figures(workspace) == (110, 0, 0)


@pytest.mark.parametrize(
    ("paid", "bonus"),
    [pytest.param(99, 10, id="paid"), pytest.param(100, 9, id="bonus"), pytest.param(100, 0, id="no bonus")],
)
def test_other_figures_for_the_same_payment_are_refused(shop: Shop, paid: int, bonus: int) -> None:
    workspace = shop.workspace()
    shop.top_up(workspace, 100, 10, ref="pi_1")
    with pytest.raises(IdempotencyConflict):
        shop.top_up(workspace, paid, bonus, ref="pi_1")
    with pytest.raises(IdempotencyConflict):
        shop.top_up(shop.workspace(), 100, 10, ref="pi_1")
    assert shop.figures(workspace) == (110, 0, 0)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("paid", "more"),
    [
        pytest.param(0, {}, id="nothing"),
        pytest.param(-1, {}, id="less than nothing"),
        pytest.param(1, {"bonus": Money(-1)}, id="a bonus below nothing"),
        pytest.param(1, {"bonus": Money(1, "USD")}, id="a bonus in another unit"),
    ],
)
def test_what_cannot_be_bought(shop: Shop, paid: int, more: dict[str, Any]) -> None:
    op = shop.top_up_op(shop.workspace(), paid)._replace(**more)
    with pytest.raises(InvalidInput):
        shop.ledger.perform(op)


@pytest.mark.one_engine
def test_nobody_buys_for_a_workspace_that_is_not_there(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.top_up("ws_none", 100)


@pytest.mark.one_engine
def test_a_top_up_is_not_simply_reversed(shop: Shop) -> None:
    bought = shop.top_up(shop.workspace(), 100, 10)
    for journal_id in (bought.journal_id, bought.bonus_journal_id):
        with pytest.raises(Conflict, match="set its credits aside"):
            shop.ledger.perform(ReverseOp(journal_id or "", "ann", "x"))


def test_the_money_stands_in_its_own_books(shop: Shop) -> None:
    shop.top_up(shop.workspace(), 100, cash=EUR)
    with shop.db.read() as connection:
        euros = {name: micros for (name, unit), micros in account_balances(connection).items() if unit == "EUR"}
    assert euros == {"cash:stripe": 120_000_000, "deferred": -100_000_000, "tax_payable": -20_000_000}


# --- what travels with it


@pytest.fixture
def order(shop: Shop) -> Callable[[Connection, ToppedUp], None]:
    """Work that a top-up brings along: a row that may exist once."""
    with shop.db.write() as connection:
        connection.execute(text("CREATE TABLE an_order (id VARCHAR PRIMARY KEY, lot VARCHAR NOT NULL)"))

    def settle(connection: Connection, done: ToppedUp) -> None:
        connection.execute(text("INSERT INTO an_order SELECT 'one', id FROM lot WHERE id = :lot"), {"lot": done.lot_id})

    return settle


def test_what_it_brings_along_commits_with_it_once(shop: Shop, order: Any) -> None:
    workspace = shop.workspace()
    first = shop.top_up(workspace, 100, ref="pi_1", within=order)
    assert shop.count(f"an_order WHERE lot = '{first.lot_id}'") == 1, "the books were written before it ran"
    assert shop.top_up(workspace, 100, ref="pi_1", within=order).already
    assert shop.count("an_order") == 1


class Mistake(Exception):
    pass


def fails(connection: Connection, _done: object) -> None:
    connection.execute(insert(tables.freeze).values(id="frz_x", wallet_id=1, reason="x", ref="x", actor="x"))


def refuses(_connection: Connection, _done: object) -> None:
    raise Mistake


def stumbles(connection: Connection, _done: object) -> None:
    connection.execute(text("SELECT nothing FROM nowhere"))


@pytest.mark.parametrize(
    ("within", "error"),
    [
        pytest.param(refuses, Mistake, id="its own error"),
        pytest.param(fails, IntegrityError, id="a row that may not be"),
        pytest.param(stumbles, Broken, id="a mistake in its SQL"),
    ],
)
def test_what_it_brings_along_fails_with_it_and_alone(
    shop: Shop, lane: Lane, within: Any, error: type[Exception]
) -> None:
    workspace, other = shop.workspace(), shop.workspace(100)
    bad = shop.top_up_op(workspace, 50, ref="pi_bad", within=within)
    good = shop.top_up_op(workspace, 100, 10)
    hold = shop.hold_op(other, 30)
    outcomes = lane.work([hold, bad, good])
    assert isinstance(outcomes[1], error)
    assert not isinstance(outcomes[0], Exception)
    assert not isinstance(outcomes[2], Exception)
    assert shop.figures(workspace) == (110, 0, 0)
    assert shop.figures(other) == (100, 30, 0)
    assert shop.count("journal WHERE ref = 'pi_bad'") == 0
    assert shop.top_up(workspace, 50, ref="pi_bad").already is False


def test_it_runs_again_only_after_it_was_rolled_back(shop: Shop, lane: Lane, order: Any) -> None:
    """Another operation of the batch breaks; the whole batch is done anew, one by one."""
    workspace = shop.workspace(10)
    runs: list[str] = []

    def within(connection: Connection, done: ToppedUp) -> None:
        runs.append(done.journal_id)
        order(connection, done)

    colliding = shop.grant_op(workspace, 5, also=[shop.attempt("gen_none", 1)])
    outcomes = lane.work([shop.top_up_op(workspace, 100, within=within), colliding])
    assert isinstance(outcomes[1], IntegrityError)
    assert shop.count(f"journal WHERE id IN ('{runs[0]}', '{runs[-1]}')") == 1
    assert shop.count("an_order") == 1
    assert shop.figures(workspace) == (110, 0, 0)


def test_many_payments_at_once_each_count(shop: Shop, lane: Lane) -> None:
    workspaces = [shop.workspace() for _ in range(3)]
    seen: list[str] = []

    def within(_connection: Connection, done: ToppedUp) -> None:
        seen.append(done.lot_id)

    ops = [
        shop.top_up_op(workspaces[number % 3], 10, 1, ref=f"pi {number % 20}", within=within) for number in range(60)
    ]
    outcomes = lane.work(ops)
    good = [outcome for outcome in outcomes if isinstance(outcome, ToppedUp)]
    conflicts = [outcome for outcome in outcomes if isinstance(outcome, IdempotencyConflict)]
    assert len(good) + len(conflicts) == 60
    assert len(seen) == len(set(seen)) == 20
    assert sum(shop.figures(workspace)[0] for workspace in workspaces) == 20 * 11


def test_a_locked_order_does_not_hold_up_anybody_else(
    shop: Shop, database: Database, order: Any, postgres_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process sits on the row a top-up needs; charges of the same batch go through all the same."""
    workspace, other = shop.workspace(), shop.workspace(100)
    monkeypatch.setattr(lanes, "POSTGRES_SETTINGS", {**lanes.POSTGRES_SETTINGS, "lock_timeout": "100ms"})
    lane = Lane(database)  # every connection it makes waits only so long
    with shop.db.write() as stuck:
        stuck.execute(text("LOCK TABLE an_order"))
        outcomes = lane.work([shop.top_up_op(workspace, 100, within=order), shop.hold_op(other, 30)])
    lane.stop()
    assert isinstance(outcomes[0], Broken | DBAPIError)
    assert not isinstance(outcomes[1], Exception)
    assert shop.figures(workspace) == (0, 0, 0)


def test_a_wallet_in_a_currency_is_topped_up_in_it(shop: Shop, database: Database) -> None:
    workspace = new_workspace(database)
    with pytest.raises(NotFound, match="no balance in EUR"):
        shop.ledger.perform(shop.top_up_op(workspace, 1)._replace(paid=Money(1, "EUR")))
