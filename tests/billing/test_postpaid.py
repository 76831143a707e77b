"""Paying afterwards: a month closed, paid, dunned, written off; switched on and off without losing a credit."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.billing import credit_notes, invoices, limits, payments, postpaid
from app.billing.limits import History
from app.billing.postpaid import Agreed
from app.billing.service import BillingCloser, close_months, dun_all, settle_owed
from app.kernel.db import Database
from app.kernel.errors import Conflict, InsufficientCredits, NotAllowed
from app.kernel.given import Given
from app.kernel.money import Money
from app.ledger import reads
from app.ledger.audit import run_audit
from app.ledger.operations import HoldOp, Settled, SettleOp
from app.ledger.tables import journal as books
from app.ledger.wallet import Ledger
from app.plans import customers
from tests.billing.world import World, at

EURO = Agreed("EUR", Decimal("0.01"), 14)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def ledger(world: World) -> Iterator[Ledger]:
    opened = Ledger(world.db, world.clock)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def workspace(world: World) -> str:
    world.customer("studio")
    with world.db.read() as connection:
        return customers.by_external_id(connection, "studio").workspace_id


class Use:
    """Uses credits as generations do."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self.world, self.ledger = world, ledger

    def __call__(self, workspace_id: str, credits_: int) -> int:
        generation = f"gen_{next(self.world.numbers)}"
        self.hold(workspace_id, generation, credits_)
        return self.settle(generation, credits_)

    def hold(self, workspace_id: str, generation: str, credits_: int) -> None:
        amount = Money.from_exact(credits_)
        self.ledger.perform(HoldOp(workspace_id, generation, amount, self.world.now + timedelta(hours=1)))

    def settle(self, generation: str, credits_: int) -> int:
        done = self.ledger.perform(SettleOp(generation, Money.from_exact(credits_)))
        assert isinstance(done, Settled)
        return int(done.charged.amount)


@pytest.fixture
def use(world: World, ledger: Ledger) -> Use:
    return Use(world, ledger)


def switch_on(world: World, workspace: str, limit: int = 1_000, agreed: Agreed = EURO) -> None:
    with world.db.write() as connection:
        postpaid.switch_on(connection, workspace, Money.from_exact(limit), agreed, actor="operator", now=world.now)


def standing(world: World, workspace: str) -> tuple[int, int]:
    """What is in the balance and what is owed."""
    with world.db.read() as connection:
        found = reads.balance(connection, workspace)
    return int(found.balance.amount), int(found.owed.amount)


def of_workspace(world: World, workspace: str) -> list[str]:
    query = select(invoices.INVOICE.c.id).where(invoices.INVOICE.c.workspace_id == workspace)
    with world.db.read() as connection:
        return list(connection.execute(query.order_by(invoices.INVOICE.c.id)).scalars())


def pay(world: World, invoice_id: str) -> None:
    with world.db.write() as connection:
        left = invoices.remaining(invoices.find(connection, invoice_id))
        made, _ = payments.create(connection, invoice_id, left, "OFFLINE", key=None, actor="test", now=world.now)
        payments.succeed(connection, made.id, now=world.now)


@pytest.mark.anyio
async def test_a_month_is_closed_paid_and_free_again(world: World, ledger: Ledger, workspace: str, use: Use) -> None:
    await ledger.grant(workspace, Money.from_exact(50), kind="paid", label="before", ref="before", actor="test")
    switch_on(world, workspace)
    world.now = at("2026-04-10")
    assert use(workspace, 350) == 350
    assert standing(world, workspace) == (0, 300)
    world.now = at("2026-05-01T01:00")
    assert close_months(world.db, world.now) == 0
    world.now = at("2026-05-01T03:00")
    assert [close_months(world.db, world.now) for _ in range(2)] == [1, 0]
    (made,) = of_workspace(world, workspace)
    with world.db.read() as connection:
        row = invoices.find(connection, made)
    assert (row.total, row.currency, row.state, row.due_at) == (300, "EUR", "FINALIZED", at("2026-05-15T03:00"))
    assert settle_owed(world.db, ledger) == 0
    pay(world, made)
    assert [settle_owed(world.db, ledger) for _ in range(2)] == [1, 0]
    assert standing(world, workspace) == (0, 0)
    without = {"holds_have_generations"}  # none were made for these holds
    assert {breach.name for breach in run_audit(world.db)} <= without


@pytest.mark.anyio
async def test_what_came_back_after_the_close_is_in_the_next(
    world: World, ledger: Ledger, workspace: str, use: Use
) -> None:
    switch_on(world, workspace)
    use(workspace, 100)
    world.now = at("2026-05-02")
    close_months(world.db, world.now)
    with world.db.read() as connection:
        journal = connection.execute(select(books.c.id).where(books.c.kind == "capture")).scalar_one()
    await ledger.reverse(journal, actor="operator", reason="bad picture")
    (first,) = of_workspace(world, workspace)
    pay(world, first)
    assert settle_owed(world.db, ledger) == 0
    use(workspace, 130)
    assert settle_owed(world.db, ledger) == 1
    assert standing(world, workspace) == (0, 30)
    world.now = at("2026-06-02")
    close_months(world.db, world.now)
    _, second = of_workspace(world, workspace)
    with world.db.read() as connection:
        assert invoices.find(connection, second).total == 30


@pytest.mark.anyio
async def test_a_refund_of_one_month_does_not_swallow_the_payment_of_the_next(
    world: World, ledger: Ledger, workspace: str, use: Use
) -> None:
    switch_on(world, workspace)
    for month in ("2026-05-02", "2026-06-02"):
        use(workspace, 100)
        world.now = at(month)
        close_months(world.db, world.now)
        made = of_workspace(world, workspace)[-1]
        pay(world, made)
        settle_owed(world.db, ledger)
        with world.db.write() as connection:
            wish = Given({"invoice_id": made, "reason": "SERVICE_ISSUE"})
            note = credit_notes.create(connection, wish, actor="test", now=world.now)
            credit_notes.finalize(connection, note.id, now=world.now)
        assert standing(world, workspace) == (0, 0)


@pytest.mark.anyio
async def test_an_invoice_of_a_limit_is_not_voided_but_credited(
    world: World, ledger: Ledger, workspace: str, use: Use
) -> None:
    switch_on(world, workspace)
    use(workspace, 100)
    world.now = at("2026-05-02")
    close_months(world.db, world.now)
    (made,) = of_workspace(world, workspace)
    with world.db.write() as connection, pytest.raises(Conflict):
        invoices.void(connection, made, now=world.now)
    with world.db.write() as connection:
        wish = Given({"invoice_id": made, "reason": "SERVICE_ISSUE"})
        note = credit_notes.create(connection, wish, actor="test", now=world.now)
        credit_notes.finalize(connection, note.id, now=world.now)
    settle_owed(world.db, ledger)
    assert standing(world, workspace) == (0, 0)


@pytest.mark.anyio
async def test_dunned_restricted_and_free_when_paid(world: World, ledger: Ledger, workspace: str, use: Use) -> None:
    switch_on(world, workspace)
    use(workspace, 100)
    closer = BillingCloser(world.db, world.clock, ledger)
    states = []
    for day in ("2026-05-02", "2026-05-17", "2026-05-24", "2026-05-31"):
        world.now = at(day)
        await closer.run()
        with world.db.read() as connection:
            row = postpaid.find(connection, workspace)
        states.append(row.dunning if row else None)
    assert states == ["", "reminded", "warned", "restricted"]
    with pytest.raises(NotAllowed):
        use(workspace, 1)
    pay(world, of_workspace(world, workspace)[0])
    await closer.run()
    assert use(workspace, 1) == 1


@pytest.mark.anyio
async def test_who_has_paid_is_let_go_although_the_turn_was_cut_off(
    world: World, ledger: Ledger, workspace: str, use: Use
) -> None:
    switch_on(world, workspace)
    use(workspace, 100)
    closer = BillingCloser(world.db, world.clock, ledger)
    for day in ("2026-05-02", "2026-06-01"):
        world.now = at(day)
        await closer.run()
    pay(world, of_workspace(world, workspace)[0])
    dun_all(world.db, world.now)  # the state is kept, and the process ends before the thaw
    await closer.run()
    assert use(workspace, 1) == 1


@pytest.mark.anyio
async def test_written_off(world: World, ledger: Ledger, workspace: str, use: Use) -> None:
    switch_on(world, workspace)
    use(workspace, 100)
    closer = BillingCloser(world.db, world.clock, ledger)
    for day in ("2026-05-02", "2026-06-15"):
        world.now = at(day)
        await closer.run()
    (made,) = of_workspace(world, workspace)
    with world.db.write() as connection:
        postpaid.write_off(connection, made, reason="gone", now=world.now)
        postpaid.write_off(connection, made, reason="gone", now=world.now)
    await closer.run()
    assert standing(world, workspace) == (0, 0)
    with world.db.read() as connection:
        row = postpaid.find(connection, workspace)
    assert row is not None
    assert row.dunning == ""


def test_of_two_who_switch_it_on_for_the_first_time_the_later_changes_it(
    world: World, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looked before either had written."""
    switch_on(world, workspace, 1_000)
    looks = iter([None])
    find = postpaid.find
    monkeypatch.setattr(postpaid, "find", lambda *given, **more: next(looks, find(*given, **more)))
    switch_on(world, workspace, 2_000)
    assert next(looks, "looked") == "looked"
    with world.db.read() as connection:
        assert reads.wallet_of(connection, workspace).credit_limit == Money.from_exact(2_000).micros
        assert find(connection, workspace).active


@pytest.mark.anyio
async def test_switching_there_and_back_loses_no_credit(world: World, ledger: Ledger, workspace: str, use: Use) -> None:
    await ledger.grant(workspace, Money.from_exact(80), kind="paid", label="x", ref="x", actor="test")
    switch_on(world, workspace)
    use(workspace, 30)
    with world.db.write() as connection:
        postpaid.switch_off(connection, workspace, actor="operator", now=world.now)
    assert standing(world, workspace) == (50, 0)
    switch_on(world, workspace)
    use(workspace, 90)
    with world.db.write() as connection:
        postpaid.switch_off(connection, workspace, actor="operator", now=world.now)
    assert standing(world, workspace) == (0, 40)
    with pytest.raises(InsufficientCredits):
        use(workspace, 1)
    world.now = at("2026-05-02")
    assert close_months(world.db, world.now) == 1
    with world.db.read() as connection:
        assert invoices.find(connection, of_workspace(world, workspace)[0]).total == 40


@pytest.mark.one_engine
@pytest.mark.anyio
async def test_what_runs_while_it_is_switched_is_billed_once(
    world: World, ledger: Ledger, workspace: str, use: Use
) -> None:
    """Holds of the balance end on the limit, holds of the limit end after it is gone, and back again."""
    await ledger.grant(workspace, Money.from_exact(100), kind="paid", label="x", ref="x", actor="test")
    use.hold(workspace, "before", 80)
    switch_on(world, workspace)
    use.hold(workspace, "on the limit", 500)
    use.settle("on the limit", 500)
    use.settle("before", 80)
    assert standing(world, workspace) == (0, 480)
    use.hold(workspace, "running", 200)
    with world.db.write() as connection:
        postpaid.switch_off(connection, workspace, actor="operator", now=world.now)
    use.settle("running", 150)
    assert standing(world, workspace) == (0, 630)
    await ledger.grant(workspace, Money.from_exact(700), kind="paid", label="y", ref="y", actor="test")
    assert use(workspace, 70) == 70
    switch_on(world, workspace)
    assert use(workspace, 650) == 650
    world.now = at("2026-05-02")
    assert [close_months(world.db, world.now) for _ in range(2)] == [1, 0]
    (made,) = of_workspace(world, workspace)
    with world.db.read() as connection:
        assert invoices.find(connection, made).credit_micros == 650 * 10**6
    assert standing(world, workspace) == (0, 650)
    pay(world, made)
    assert [settle_owed(world.db, ledger) for _ in range(2)] == [1, 0]
    assert standing(world, workspace) == (0, 0)
    assert {breach.name for breach in run_audit(world.db)} <= {"holds_have_generations"}


@pytest.mark.parametrize(
    ("may", "last"),
    [pytest.param(20, (660, 560), id="more came back"), pytest.param(100, (900, 800), id="as much came back")],
)
@pytest.mark.anyio
async def test_a_credit_costs_what_it_cost_when_it_was_used(
    world: World, ledger: Ledger, workspace: str, use: Use, may: int, last: tuple[int, int]
) -> None:
    """Also when it comes back after the price has changed, in the same month or in the next."""

    def captured() -> list[str]:
        with world.db.read() as connection:
            query = select(books.c.id).where(books.c.kind == "capture").order_by(books.c.created_at, books.c.id)
            return list(connection.execute(query).scalars())

    switch_on(world, workspace)
    use(workspace, 100)
    use(workspace, 10)
    world.now = at("2026-04-15")
    switch_on(world, workspace, agreed=Agreed("EUR", Decimal("0.03"), 14))
    use(workspace, 50)
    await ledger.reverse(captured()[1], actor="operator", reason="bad picture")
    world.now = at("2026-05-02")
    close_months(world.db, world.now)
    use(workspace, may)
    await ledger.reverse(captured()[0], actor="operator", reason="bad picture")
    world.now = at("2026-06-02")
    assert close_months(world.db, world.now) == 0  # 100 credits came back, at a price of their own
    use(workspace, 200)
    world.now = at("2026-07-02")
    assert close_months(world.db, world.now) == 1
    with world.db.read() as connection:
        made = [invoices.find(connection, each) for each in of_workspace(world, workspace)]
        lines = [[line.amount for line in invoices.lines_of(connection, each.id)] for each in made]
    assert (lines, [each.total for each in made]) == ([[100, 150], [last[0]]], [250, last[1]])


@pytest.mark.one_engine
@pytest.mark.anyio
async def test_what_is_too_little_for_an_invoice_is_on_the_next(
    world: World, ledger: Ledger, workspace: str, use: Use
) -> None:
    cheap = Agreed("EUR", Decimal("0.001"), 14)
    with world.db.write() as connection:
        postpaid.switch_on(connection, workspace, Money.from_exact(100), cheap, actor="operator", now=world.now)
    use(workspace, 4)
    world.now = at("2026-05-02")
    assert close_months(world.db, world.now) == 0
    use(workspace, 6)
    world.now = at("2026-06-02")
    assert close_months(world.db, world.now) == 1
    (made,) = of_workspace(world, workspace)
    with world.db.read() as connection:
        row = invoices.find(connection, made)
    assert (row.total, row.credit_micros, row.period_start) == (1, 10 * 10**6, at("2026-04-01"))
    pay(world, made)
    settle_owed(world.db, ledger)
    assert standing(world, workspace) == (0, 0)


@pytest.mark.parametrize(
    ("history", "limit", "last"),
    [
        pytest.param(History([200, 300, 400]), 450, "limit", id="one and a half usual months"),
        pytest.param(History([200, 300, 400], paid_late=1), 225, "limit", id="half of it for who paid late"),
        pytest.param(History([200, 300, 400], overdue=1), 0, "overdue", id="nothing while something is overdue"),
        pytest.param(History([200, 300, 400], disputes=1), 0, "disputes", id="nothing after a dispute"),
        pytest.param(History([300, 400], days=70), 0, "too_new", id="nothing for who has just come"),
        pytest.param(History([10, 900, 890]), 20, "limit", id="careful with uneven months"),
    ],
)
def test_a_limit_is_suggested_with_its_reasons(history: History, limit: int, last: str) -> None:
    months = [month * 1_000_000 for month in history.months]
    found = limits.suggest(History(months, history.paid_late, history.overdue, history.disputes, history.days))
    assert (found.limit, found.steps[-1][0]) == (limit * 1_000_000, last)
