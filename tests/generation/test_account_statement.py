"""The account statement: its lines explain the way from one balance to the other, in every period, at any length."""

import asyncio
import csv
import io
import random
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import Connection, select

from app.generation import account_statement
from app.generation.account_statement import COLUMNS, AccountStatements, Movement, Period, Purchase, period_of
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.kernel.money import MICRO, Money
from app.ledger import tables
from app.ledger.wallet import Ledger
from tests.ledger.support import Shop
from tests.support.house import House

PROMPT = "A red tram on a viaduct"
ALWAYS = Period(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def at(self, month: int, day: int, hour: int = 0) -> None:
        self.now = datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def shop(database: Database, watch: Watch) -> Iterator[Shop]:
    ledger = Ledger(database, watch)
    ledger.start()
    yield Shop(ledger, database)
    ledger.stop()


@pytest.fixture
def statements(database: Database) -> AccountStatements:
    return AccountStatements(database)


def credits(amount: int) -> Money:
    return Money(amount * MICRO)


def spend(shop: Shop, workspace_id: str, amount: int) -> None:
    """A charge whose generation nobody remembers."""
    generation_id, deadline = new_id("gen"), datetime(2036, 1, 1, tzinfo=UTC)

    async def generate() -> None:
        await shop.ledger.hold(workspace_id, generation_id, credits(amount), deadline_at=deadline)
        await shop.ledger.settle(generation_id, credits(amount), actor="test")

    asyncio.run(generate())


def month(number: int) -> Period:
    return period_of(datetime(2026, 1, 1, tzinfo=UTC), month=f"2026-{number:02}")


def table(statements: AccountStatements, workspace_id: str, period: Period = ALWAYS) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(statements.csv(workspace_id, period)))))


def paged(statements: AccountStatements, workspace_id: str, period: Period = ALWAYS, limit: int = 2) -> list[Movement]:
    """Every line, a few at a time."""
    found: list[Movement] = []
    after: str | None = None
    while True:
        page = statements.page(workspace_id, period, after=after, limit=limit)
        found += page.movements
        if not page.more:
            return found
        after = page.movements[-1].entry_id


# --- what a line says


def test_a_charge_says_what_was_used_and_for_which_request(customer: House) -> None:
    asyncio.run(customer.run("flux-schnell", prompt=PROMPT, num_images=2))
    page = AccountStatements(customer.services.db).page(customer.workspace_id, ALWAYS)
    grant, charge = page.movements
    assert (grant.kind, grant.delta, grant.balance_after, grant.description) == (
        "grant",
        credits(10_000),
        credits(10_000),
        "Test credits",
    )
    assert (charge.kind, charge.model, charge.quantity, charge.unit) == (
        "charge",
        "flux-schnell",
        Decimal(2),
        "image_count",
    )
    assert (charge.delta, charge.balance_after) == (credits(-20), credits(9_980))
    assert charge.request_id is not None
    assert charge.description == "flux-schnell, 2 images × 10"
    assert (page.opening, page.closing, page.more) == (credits(0), credits(9_980), False)


def test_the_file_begins_and_ends_with_a_balance(shop: Shop, watch: Watch, statements: AccountStatements) -> None:
    workspace = shop.workspace(100)
    watch.at(11, 5, 9)
    shop.grant(workspace, 50, label="Welcome")
    opening, line, closing = table(statements, workspace, month(11))
    assert tuple(opening) == COLUMNS
    assert opening == dict.fromkeys(COLUMNS, "") | {
        "posted_at": "2026-11-01T00:00:00.000Z",
        "kind": "opening_balance",
        "balance_after": "100",
    }
    assert (line["posted_at"], line["kind"], line["credits_delta"], line["balance_after"], line["description"]) == (
        "2026-11-05T09:00:00.000Z",
        "grant",
        "50",
        "150",
        "Welcome",
    )
    assert (closing["posted_at"], closing["kind"], closing["balance_after"]) == (
        "2026-12-01T00:00:00.000Z",
        "closing_balance",
        "150",
    )


def test_a_top_up_shows_its_money_order_and_invoice(shop: Shop, database: Database) -> None:
    workspace = shop.workspace()
    bought = shop.top_up(workspace, 100, bonus=10)
    known = {bought.journal_id: Purchase(Fiat(1190, "EUR"), "ord_1", "FB-2026-000001")}

    def purchases(_connection: Connection, _workspace_id: str, ids: Collection[str]) -> Mapping[str, Purchase]:
        return {journal_id: known[journal_id] for journal_id in ids if journal_id in known}

    _, paid, bonus, _ = table(AccountStatements(database, purchases), workspace)
    assert [paid[name] for name in ("kind", "credits_delta", "money_amount", "currency", "order_id", "invoice_no")] == [
        "top_up",
        "100",
        "11.90",
        "EUR",
        "ord_1",
        "FB-2026-000001",
    ]
    assert (bonus["kind"], bonus["credits_delta"], bonus["money_amount"]) == ("bonus", "10", "")


@pytest.mark.one_engine
def test_what_is_owed_is_below_zero(shop: Shop, statements: AccountStatements) -> None:
    workspace = shop.workspace(30, credit_limit=100)
    spend(shop, workspace, 80)
    assert [row["balance_after"] for row in table(statements, workspace)] == ["0", "30", "-50", "-50"]


@pytest.mark.one_engine
def test_a_hold_is_no_movement(shop: Shop, statements: AccountStatements) -> None:
    workspace = shop.workspace(100)
    shop.hold(workspace, 40)
    shop.release(shop.hold(workspace, 10))
    assert [row["kind"] for row in table(statements, workspace)] == ["opening_balance", "grant", "closing_balance"]


@pytest.mark.one_engine
def test_case_39_no_cell_is_a_formula_and_numbers_stay_numbers(shop: Shop, statements: AccountStatements) -> None:
    workspace = shop.workspace()
    labels = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", 'a,b "c"\nd']
    for label in labels:
        shop.grant(workspace, 1, label=label)
    asyncio.run(shop.ledger.adjust(workspace, credits(-3), ref="fix", actor="test", reason="-3 by mistake"))
    _, *lines, _ = table(statements, workspace)
    *said, last = [row["description"] for row in lines]
    within = {"\t=1": "\t'=1", "\r=1": "\r'=1"}  # where a cell begins for who separates by semicolons
    assert said[:7] == [f"'{within.get(label, label)}" for label in labels[:7]]
    assert said[7] == labels[7]
    assert last == "'-3 by mistake"
    assert lines[-1]["credits_delta"] == "-3"
    raw = "".join(statements.csv(workspace, ALWAYS))
    assert raw.endswith("\r\n")


# --- periods


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(
    shop: Shop, watch: Watch, statements: AccountStatements
) -> None:
    workspace = shop.workspace()
    for when in ((10, 31, 23), (11, 1, 0), (11, 30, 23), (12, 1, 0)):
        watch.at(*when)
        shop.grant(workspace, 1)
    october, november, december = (statements.page(workspace, month(number)) for number in (10, 11, 12))
    assert [len(page.movements) for page in (october, november, december)] == [1, 2, 1]
    assert (october.closing, november.closing) == (november.opening, december.opening)


def test_any_cut_of_time_and_of_pages_gives_the_same_lines(
    shop: Shop, watch: Watch, statements: AccountStatements, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    workspace = shop.workspace()
    for _ in range(40):
        watch.now += timedelta(hours=chance.choice((0, 0, 1, 30)))
        shop.grant(workspace, chance.randint(1, 9))
    whole = Period(datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    expected = paged(statements, workspace, whole, limit=1000)
    assert len(expected) == 40

    for limit in (1, 3, 7):
        assert paged(statements, workspace, whole, limit) == expected
        monkeypatch.setattr(account_statement, "BATCH", limit)
        rows = table(statements, workspace, whole)
        assert [row["entry_id"] for row in rows[1:-1]] == [line.entry_id for line in expected]
        assert rows[-1]["balance_after"] == rows[-2]["balance_after"]

    cuts = [
        whole.since,
        *sorted(chance.sample([line.posted_at for line in expected if line.posted_at], 4)),
        whole.until,
    ]
    parts = [statements.page(workspace, Period(start, end), limit=1000) for start, end in pairwise(cuts) if start < end]
    assert [line for part in parts for line in part.movements] == expected
    assert all(one.closing == following.opening for one, following in pairwise(parts))


@pytest.mark.one_engine
def test_the_books_agree_with_the_last_balance(shop: Shop, statements: AccountStatements) -> None:
    workspace = shop.workspace(500)
    for amount in (40, 25):
        spend(shop, workspace, amount)
    shop.top_up(workspace, 100, bonus=20)
    assert statements.page(workspace, ALWAYS).closing == shop.ledger.balance(workspace).balance


@pytest.mark.one_engine
def test_an_empty_period_has_two_equal_balances(shop: Shop, statements: AccountStatements) -> None:
    workspace = shop.workspace(100)
    page = statements.page(workspace, month(3))
    assert (page.opening, page.closing, page.movements) == (credits(0), credits(0), ())
    assert [row["kind"] for row in table(statements, workspace, month(3))] == ["opening_balance", "closing_balance"]


@pytest.mark.one_engine
def test_another_workspaces_entry_is_no_place_to_continue(
    shop: Shop, statements: AccountStatements, database: Database
) -> None:
    mine, other = shop.workspace(1), shop.workspace(2)
    theirs = statements.page(other, ALWAYS).movements[0].entry_id
    with pytest.raises(NotFound):
        statements.page(mine, ALWAYS, after=theirs)
    with database.read() as connection:
        assert connection.execute(select(tables.journal.c.id).where(tables.journal.c.id == theirs)).first()


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "since", "until"),
    [
        pytest.param({}, "2026-11-01T00:00", "2026-12-01T00:00", id="the present month"),
        pytest.param({"month": "2026-02"}, "2026-02-01T00:00", "2026-03-01T00:00", id="a month"),
        pytest.param(
            {"since": "2026-01-01", "until": "2026-01-02"}, "2026-01-01T00:00", "2026-01-02T00:00", id="a day"
        ),
        pytest.param(
            {"since": "2026-11-20T23:30:00+01:00"}, "2026-11-20T22:30", "2026-12-01T00:00", id="a moment elsewhere"
        ),
    ],
)
def test_a_period_as_a_customer_names_it(asked: dict[str, str], since: str, until: str) -> None:
    found = period_of(NOW, **asked)
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in (found.since, found.until)] == [since, until]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"since": "2026-11-02", "until": "2026-11-02"}, id="empty"),
        pytest.param({"since": "2027-01-01"}, id="from after the end"),
        pytest.param({"since": "2026-11-02T10:00:00"}, id="no zone"),
        pytest.param({"since": "02.11.2026"}, id="another notation"),
        pytest.param({"until": ""}, id="nothing"),
        pytest.param({"month": "2026-11", "since": "2026-11-02"}, id="both"),
        pytest.param({"since": "0001-01-01T00:00:00+14:00"}, id="before all time"),
    ],
)
def test_what_is_no_period_is_refused(asked: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        period_of(NOW, **asked)
