"""The statement: what each line says, what a filter leaves, and that the CSV is exactly that."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.generation.report import spending
from app.generation.statement import Line, Show, csv_text, lines, month_bounds, months
from app.kernel.clock import now
from app.kernel.errors import InvalidInput
from app.kernel.money import Money
from tests.support.house import House

PROMPT = "A red tram on a viaduct"
SHOWN = {"charges": ["charge", "charge"], "credits": ["grant"], "returns": ["release"]}


def listed(house: House, show: Show | None = None, **paging: int) -> list[Line]:
    with house.services.db.read() as connection:
        return lines(connection, house.workspace_id, show or Show(), **paging)


def table(house: House, show: Show | None = None) -> list[dict[str, str]]:
    text = "".join(csv_text(house.services.db, house.workspace_id, show or Show()))
    return list(csv.DictReader(io.StringIO(text)))


def balance(line: Line) -> Decimal | None:
    return line.balance.amount if line.balance else None


def said(found: list[Line]) -> list[tuple[str, str]]:
    return [(line.entry, line.detail) for line in found]


@pytest.fixture(scope="module")
def busy(shared_house: House) -> House:
    """A charge, one of which a part came back, and one that failed."""
    home = shared_house.newcomer(10_000)

    async def work() -> None:
        await home.run("flux-schnell", prompt=PROMPT, num_images=2)
        await home.run("flux-schnell", prompt=f"{PROMPT} [[fault:fewer=1]]", num_images=4)
        await home.run("flux-schnell", prompt=f"{PROMPT} [[fault:401]]")

    asyncio.run(work())
    return home


def test_every_movement_is_a_line_that_says_what_for_and_what_then_stood_there(busy: House) -> None:
    assert [(line.entry, line.detail, line.row.moved.amount, balance(line)) for line in listed(busy)] == [
        ("release", "flux-schnell, the provider cannot serve this model at the moment", 0, 9_950),
        ("hold", "flux-schnell, 1 image", 0, 9_950),
        ("charge", "flux-schnell, 3 images × 10, 10 of 40 returned", -30, 9_950),
        ("hold", "flux-schnell, 4 images", 0, 9_980),
        ("charge", "flux-schnell, 2 images × 10", -20, 9_980),
        ("hold", "flux-schnell, 2 images", 0, 10_000),
        ("grant", "Test credits", 10_000, 10_000),
    ]
    for what, entries in SHOWN.items():
        assert [line.entry for line in listed(busy, Show(what))] == entries, what
    assert listed(busy, Show("charges"))[0].balance == busy.services.ledger.balance(busy.workspace_id).balance


def test_pages_and_the_csv_hold_exactly_the_lines_of_the_filter(busy: House) -> None:
    whole, paged, after = listed(busy), [], None
    with busy.services.db.read() as connection:
        while page := lines(connection, busy.workspace_id, Show(), after=after, limit=2):
            paged += page
            after = page[-1].row.cursor
    assert [(line.row.cursor, line.balance) for line in paged] == [(line.row.cursor, line.balance) for line in whole]

    for what in ("all", *SHOWN):
        found, rows = listed(busy, Show(what), limit=100), table(busy, Show(what))
        assert [(row["detail"], row["reference"]) for row in rows] == [(line.detail, line.reference) for line in found]
        assert [int(row["credits"]) for row in rows] == [line.row.moved.amount for line in found]

    assert table(busy, Show(month="2001-02")) == []


@pytest.mark.one_engine
def test_a_label_that_looks_like_a_formula_reaches_no_spreadsheet(customer: House) -> None:
    grant = customer.services.ledger.grant
    asyncio.run(
        grant(customer.workspace_id, Money(5), kind="promo", label='=HYPERLINK("//x")', ref="evil", actor="test")
    )
    newest = table(customer)[0]
    assert newest["detail"] == '\'=HYPERLINK("//x")'
    assert newest["credits"] == "0.000005"


@pytest.mark.one_engine
def test_another_workspace_sees_none_of_it(busy: House) -> None:
    stranger = busy.newcomer().workspace_id
    with busy.services.db.read() as connection:
        assert lines(connection, stranger, Show()) == []
        assert spending(connection, stranger, now(), 30).models == ()


@pytest.mark.one_engine
def test_the_months_go_back_to_the_first_entry(customer: House) -> None:
    with customer.services.db.read() as connection:
        started = now()
        found = months(connection, customer.workspace_id, datetime(started.year + 1, 2, 3, tzinfo=UTC))
    assert found[0] == f"{started.year + 1}-02"
    assert found[-1] == f"{started:%Y-%m}"
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    "month", ["2026-13", "2026-00", "26-11", "2026-1", "2026/11", "", "²026-11", "2026-11-01", "0001-01"]
)
def test_a_month_is_written_in_one_way(month: str) -> None:
    with pytest.raises(InvalidInput):
        month_bounds(month)


def test_december_ends_with_the_year() -> None:
    assert month_bounds("2026-12") == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Show("everything")


def test_spending_by_day_and_model_is_what_the_balance_lost(customer: House) -> None:
    for model in ("flux-schnell", "flux-1.1-pro"):
        asyncio.run(customer.run(model, prompt=PROMPT))
    with customer.services.db.read() as connection:
        month = spending(connection, customer.workspace_id, now(), 30)

    assert month.models == ("flux-1.1-pro", "flux-schnell")
    assert month.total == Money(10_000_000_000) - customer.services.ledger.balance(customer.workspace_id).balance
    assert month.on(month.days[-1], ["flux-schnell"]) == Money(10_000_000)
    assert len(month.days) == 30


def test_what_was_given_back_is_no_spending(customer: House) -> None:
    seen = asyncio.run(customer.run("flux-schnell", prompt=PROMPT))
    (capture,) = customer.services.ledger.journals_of(seen.id)
    asyncio.run(customer.services.ledger.reverse(capture.id, actor="test", reason="goodwill"))
    with customer.services.db.read() as connection:
        assert spending(connection, customer.workspace_id, now(), 7).total == Money(0)
    assert said(listed(customer, Show("returns"))) == [("returned", "flux-schnell")]


@pytest.mark.one_engine
def test_money_in_and_back_is_told_in_words(customer: House) -> None:
    """Bought, used, refunded for more than was left, paid for by the next top-up, and ended."""
    home = customer.newcomer(0)
    ledger, workspace = home.services.ledger, home.workspace_id
    credits, actor = Money.from_exact, "ann"

    async def work() -> None:
        yesterday = now() - timedelta(days=1)
        bought = await ledger.top_up(workspace, credits(10), ref="pi_1", label="Starter", actor=actor, bonus=credits(1))
        await home.run("flux-schnell", prompt=PROMPT, num_images=1)
        for ref, shortfall in (("re_1", None), ("re_2", credits(9))):
            amount, reason = credits(10), "dispute" if shortfall else "refund"
            await ledger.set_aside(
                workspace, ref=ref, lot_id=bought.lot_id, amount=amount, reason=reason, actor=actor, partial=True
            )
            await (
                ledger.take_back(ref, shortfall=shortfall, actor=actor)
                if shortfall
                else ledger.give_back(ref, actor=actor)
            )
        await ledger.top_up(workspace, credits(20), ref="pi_2", label="Starter", actor=actor, expires_at=yesterday)
        await ledger.expire_lots()

    asyncio.run(work())
    assert [(line.entry, line.detail, line.row.moved.amount) for line in listed(home, Show("credits"))] == [
        ("expiry", "Starter", -11),
        ("top_up", "Starter, 9 of it paid the debt", 20),
        ("take_back", "for a disputed payment, 9 used already, now in debt", -9),
        ("set_aside", "for a disputed payment", -1),
        ("give_back", "for a refund", 1),
        ("set_aside", "for a refund", -1),
        ("bonus", "Starter", 1),
        ("top_up", "Starter", 10),
    ]
