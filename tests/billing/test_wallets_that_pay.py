"""What wallets pay for, what fills them by themselves, and what two do at once."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.billing import payments, wallet_alerts, wallet_moves, wallet_words, wallets
from app.billing.ending_credits import EndingCredits
from app.billing.outstanding import outstanding
from app.billing.paying_in_credits import NO_HOUSE
from app.billing.wallet_tables import wallet as table
from app.billing.waterfall import Line, Purse, settle
from app.kernel.db import Database
from app.kernel.errors import Rejected
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.kernel.money import plain
from app.ledger.wallet import Ledger
from app.plans import reductions
from tests.billing.world import World, at
from tests.support.threads import PATIENCE_SECONDS, at_once

TWENTY = {"type": "FIXED", "amount": "20", "invoice_cadence": "ADVANCE"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


@pytest.fixture
def shared(database: Database) -> World:
    """On both databases: they lock in different ways."""
    return World(database)


@pytest.mark.parametrize(
    ("purses", "paid", "debits"),
    [
        pytest.param([Purse("w", Fraction(7))], ["0", "7"], {"w": "7"}, id="usage"),
        pytest.param([Purse("w", Fraction(7), False, True)], ["7", "0"], {"w": "7"}, id="fixed prices"),
        pytest.param([Purse("w", Fraction(25), True, True)], ["20", "5"], {"w": "25"}, id="everything"),
        pytest.param(
            [Purse("w", Fraction(3), False, True), Purse("v", Fraction(90), True, True)], ["20", "10"],
            {"w": "3", "v": "27"}, id="one after the other",
        ),
        pytest.param([Purse("w", Fraction(9), False, False)], ["0", "0"], {}, id="nothing"),
    ],
)  # fmt: skip
def test_what_a_purse_pays_for(purses: list[Purse], paid: list[str], debits: dict[str, str]) -> None:
    due = settle([Line(Fraction(20), is_usage=False), Line(Fraction(10))], "USD", wallets=purses)
    assert [plain(line.credits.amount) for line in due.lines] == paid
    assert {name: plain(amount.amount) for name, amount in due.debits.items()} == debits


@pytest.mark.parametrize(
    ("kind", "types", "lines", "whole"),
    [
        pytest.param("PRE_PAID", [], (True, False), True, id="usage, and invoices"),
        pytest.param("PRE_PAID", ["USAGE"], (True, False), False, id="usage alone"),
        pytest.param("PRE_PAID", ["FIXED"], (False, True), False, id="fixed prices alone"),
        pytest.param("PRE_PAID", ["ALL"], (True, True), True, id="all"),
        pytest.param("PRE_PAID", ["USAGE", "FIXED"], (True, True), True, id="both"),
        pytest.param("POST_PAID", [], None, True, id="invoices"),
    ],
)
def test_what_a_wallet_is_for(
    world: World, kind: str, types: list[str], lines: tuple[bool, bool] | None, whole: bool
) -> None:
    customer = world.customer("acme")
    wish = {"customer_id": customer, "currency": "USD", "wallet_type": kind, "config": {"allowed_price_types": types}}
    with world.db.write() as connection:
        row = wallets.create(connection, Given(wish), actor="test", now=world.now)
        memo = {"transaction_reason": "FREE_CREDIT_GRANT"}
        wallet_moves.credit(connection, row, Fraction(50), ref="start", memo=memo, actor="test", clock=world.clock)
        workspace = str(row["workspace_id"])
        found = [(each.usage, each.fixed) for each in wallets.funding(connection, workspace, "USD", world.now)]
        paying = wallets.paying(connection, workspace, "USD", world.now)
    assert found == ([] if lines is None else [lines])
    assert paying == ([(row["id"], Fraction(50))] if whole else [])


def test_credits_that_end_within_a_period_pay_for_what_was_used_before(world: World) -> None:
    """Of 10 that end on the tenth 3 are used in time; the 5 used later are paid by those that stay."""
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", {"amount": "1"}))
    wallet = world.wallet(customer, 10)
    with world.db.write() as connection:
        row, memo = wallets.get(connection, wallet, NO_HOUSE), {"transaction_reason": "FREE_CREDIT_GRANT"}
        wallet_moves.credit(
            connection, row, Fraction(10), ref="gift", memo=memo, actor="test", clock=world.clock,
            expires_at=at("2026-04-10"),
        )  # fmt: skip
    world.event("studio", "image.generated", "2026-04-05", image_count=3)
    world.event("studio", "image.generated", "2026-04-20", image_count=5)
    ledger = Ledger(world.db, world.clock)
    ledger.start()
    for moment, left in (("04-25", 20), ("05-01T00:10", 20), ("05-01T02:30", 5)):
        world.now = at(f"2026-{moment}")
        world.turn()
        asyncio.run(EndingCredits(ledger, world.clock).run())
        assert world.credits(wallet) == left
        with world.db.read() as connection:
            books = wallets.get(connection, wallet, NO_HOUSE)
            due = outstanding(connection, str(books["workspace_id"]), "USD", world.now)
            assert wallet_words.real_time(connection, books, due, world.now) == (10 if left == 20 else 5)
            assert wallets.paying(connection, str(books["workspace_id"]), "USD", world.now) == [
                (wallet, left % 20 or 10)
            ]
    ledger.stop()
    assert [row.credits for row in world.invoices(made)] == [800]


def test_a_wallet_for_invoices_pays_one(world: World) -> None:
    customer, plan = world.customer("acme"), world.plan("pro", TWENTY)
    wallet = world.wallet(customer, 50)
    with world.db.write() as connection:
        connection.execute(table.update().where(table.c.id == wallet).values(wallet_type=wallets.POST_PAID))
    subscription = world.subscribe(customer, plan)
    world.now += timedelta(hours=3)
    world.turn()
    assert world.credits(wallet) == 50  # no line was paid from it
    (invoice,) = [each for each in world.invoices(subscription) if each.state == "FINALIZED"]
    with world.db.write() as connection:
        made, _ = payments.create(
            connection, invoice.id, Fiat(2000, "USD"), payments.CREDITS, key=None, actor="test", now=world.now
        )
        assert payments.from_credits(connection, made.id, now=world.now).state == payments.SUCCEEDED
    assert world.credits(wallet) == 30


def test_it_is_filled_once_in_its_cooldown_whenever_that_begins(world: World) -> None:
    world.customer("acme")
    topup = {"enabled": True, "threshold": 0.1, "amount": "0.30", "cooldown": {"unit": "hour", "value": 1}}
    wish = {"external_customer_id": "acme", "currency": "USD", "auto_topup": topup}
    with world.db.write() as connection:
        row = wallets.create(connection, Given(wish), actor="test", now=world.now)
    assert (row["auto_topup"]["threshold"], row["auto_topup"]["amount"]) == ("0.1", "0.3")

    def filled() -> bool:
        with world.db.write() as connection:
            return wallet_alerts.fill(connection, row, Fraction(0), world.clock)

    world.now = world.now.replace(minute=59, second=50)
    first = [filled(), filled()]
    world.now += timedelta(minutes=1)  # another hour by the clock, and not yet an hour
    second = filled()
    world.now += timedelta(hours=1)
    assert (first, second, filled()) == ([True, False], False, True)
    with world.db.read() as connection:
        assert wallets.credits_of(connection, row).balance.amount == Decimal("0.6")


def test_the_last_use_of_a_coupon_is_had_by_one_of_two(shared: World) -> None:
    shared.coupon("LAST", percentage_off="10", max_redemptions=1)
    outcomes: list[str] = []

    def redeem() -> None:
        try:
            with shared.db.write() as connection:
                reductions.redeem(connection, "coupon_LAST", now=shared.now)
            outcomes.append("had")
        except Rejected as error:
            outcomes.append(error.stable_code)

    at_once(redeem, redeem, redeem)
    assert sorted(outcomes) == ["coupon_not_redeemable", "coupon_not_redeemable", "had"]


def test_a_wallet_that_two_close_while_it_is_filled_and_used_holds_nothing(shared: World) -> None:
    wallet = shared.wallet(shared.customer("acme"), 50)
    refused: list[str] = []

    def moved(work: Any) -> None:
        with shared.db.write() as connection:
            work(connection, wallets.get(connection, wallet, NO_HOUSE))

    def close() -> None:
        moved(lambda connection, row: wallet_moves.terminate(connection, row, actor="test", clock=shared.clock))

    def use(deed: Any, wish: dict[str, Any]) -> None:
        try:
            moved(lambda connection, row: deed(connection, row, Given(wish), actor="test", clock=shared.clock))
        except Rejected as error:
            refused.append(error.stable_code)

    top_up = {"credits_to_add": "5", "transaction_reason": "FREE_CREDIT_GRANT"}
    at_once(close, close, lambda: use(wallet_moves.top_up, top_up), lambda: use(wallet_moves.debit, {"credits": "7"}))
    assert shared.credits(wallet) == 0
    assert set(refused) <= {"wallet_not_active"}  # whoever came after it was closed


def test_two_who_move_credits_of_several_wallets_do_not_wait_for_each_other(shared: World) -> None:
    """One pays from the second wallet and then fills the first, as the last invoice of a subscription does that leaves
    something over; one pays from both. Each has begun before the other goes on."""
    customer = shared.customer("acme")
    first, second = sorted(shared.wallet(customer, 50) for _ in range(2))
    begun = Event()

    def pay(connection: Connection, invoice: str, *from_: str) -> None:
        debits = {each: Fiat(100, "USD") for each in from_}
        wallet_moves.pay(connection, invoice, debits, NO_HOUSE, actor="test", clock=shared.clock)

    def pay_and_fill() -> None:
        with shared.db.write() as connection:
            pay(connection, "bi_1", second)
            begun.set()
            if not shared.db.is_sqlite:
                until_one_waits(shared.db)
            wish = wallets.get(connection, first, NO_HOUSE)
            memo = {"transaction_reason": "CREDIT_NOTE"}
            wallet_moves.credit(connection, wish, Fraction(5), ref="rest", memo=memo, actor="test", clock=shared.clock)

    def pay_from_both() -> None:
        assert begun.wait(PATIENCE_SECONDS)
        with shared.db.write() as connection:
            pay(connection, "bi_2", first, second)

    at_once(pay_and_fill, pay_from_both)
    assert (shared.credits(first), shared.credits(second)) == (54, 48)


def until_one_waits(db: Database) -> None:
    """For a row that another transaction has locked."""
    waiting = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with db.read() as connection:
            if connection.execute(waiting).first() is not None:
                return
        time.sleep(0.02)
    raise TimeoutError("nobody waits for a lock")
