"""Credits taxed when they are used: monthly invoices that add up to what was paid."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text, update

from app.invoicing import usage
from app.invoicing.document import InvoiceDocument
from app.invoicing.profiles import Profiles
from app.invoicing.taxes import Taxes
from app.invoicing.usage import Month, Prepaid
from app.kernel.db import Database
from app.kernel.fiat import Fiat
from app.kernel.money import MICRO, Money
from app.ledger import tables as ledger
from app.ledger.operations import ReverseOp
from app.ledger.wallet import Ledger
from tests.invoicing.support import NOON, Office, euros
from tests.invoicing.test_profiles import HAMBURG
from tests.ledger.support import Shop

OCTOBER = datetime(2026, 10, 5, tzinfo=UTC)
NOVEMBER, DECEMBER, JANUARY = (datetime(*when, tzinfo=UTC) for when in ((2026, 11, 1), (2026, 12, 1), (2027, 1, 1)))


class Late:
    """A workspace that bought 100 credits for 33.33 EUR in October, from a seller who is taxed on redemption."""

    def __init__(self, database: Database, books: Ledger) -> None:
        self.db, self.shop = database, Shop(books, database)
        self.office = Office(database, credits_tax_point="redemption")
        self.workspace = self.shop.workspace()
        Profiles(database, lambda: NOON).save(self.workspace, HAMBURG, actor="mara")
        bought = self.shop.top_up(self.workspace, 100)
        self.lots = [Prepaid(bought.lot_id, Money(100 * MICRO), euros("33.33"), date(2026, 10, 5), False)]

    def use(self, amount: int, at: datetime) -> str:
        generation = self.shop.hold(self.workspace, amount)
        settled = self.shop.settle(generation, amount)
        # History cannot be written late; the test says when it was.
        self.dated(settled.journal_id, at)
        return str(settled.journal_id)

    def dated(self, journal_id: str, at: datetime) -> None:
        with self.db.engine.connect() as connection:
            if self.db.is_sqlite:
                connection.execute(text("DROP TRIGGER IF EXISTS journal_no_update"))
            else:
                connection.execute(text("SET session_replication_role = replica"))
            journal = ledger.journal
            connection.execute(update(journal).where(journal.c.id == journal_id).values(created_at=at))
            connection.commit()
            connection.invalidate()

    def invoice(self, now: datetime) -> list[InvoiceDocument]:
        with self.db.write() as connection:
            issued = usage.invoice_usage(connection, self.workspace, self.lots, now)
        return [InvoiceDocument.from_json(self.office.row(each.invoice_id).document) for each in issued]


@pytest.fixture
def late(database: Database) -> Iterator[Late]:
    books = Ledger(database)
    books.start()
    yield Late(database, books)
    books.stop()


@pytest.mark.one_engine
def test_the_purchase_itself_is_not_taxed(late):
    tax = Taxes(late.db, lambda: NOON).quote_tax(late.workspace, euros("33.33"))
    assert (tax.rule_id, tax.total_gross) == ("taxed_on_redemption", euros("33.33"))


def test_each_month_states_what_was_used_and_all_add_up_to_the_receipt(late):
    late.use(10, OCTOBER)
    late.use(23, NOVEMBER)
    late.use(67, JANUARY)
    first, second = late.invoice(DECEMBER)
    assert [str(each.totals.gross) for each in (first, second)] == ["3.33", "7.67"]
    assert (first.period, first.number) == ((date(2026, 10, 1), date(2026, 10, 31)), "LG-2026-000001")
    assert (str(first.totals.net), str(first.totals.tax), first.totals.due) == ("2.80", "0.53", 0)
    assert late.invoice(DECEMBER) == []
    assert late.invoice(JANUARY) == [], "nothing was used in December"
    (third,) = late.invoice(datetime(2027, 2, 3, tzinfo=UTC))
    assert sum(each.totals.gross for each in (first, second, third)) == euros("33.33").amount
    assert third.number == "LG-2027-000001"


def test_what_was_given_back_is_taken_off_the_next_month(late):
    late.use(20, OCTOBER)
    (first,) = late.invoice(NOVEMBER)
    assert str(first.totals.gross) == "6.67"
    reversed_ = late.use(10, NOVEMBER)
    posting = late.shop.ledger.perform(ReverseOp(reversed_, "test", "mistake"))
    late.dated(posting.journal_id, NOVEMBER)
    assert late.invoice(DECEMBER) == []
    late.use(10, DECEMBER)
    (second,) = late.invoice(JANUARY)
    assert str(second.totals.gross) == "3.33"


@pytest.mark.one_engine
def test_a_month_that_is_not_over_is_not_invoiced(late):
    late.use(10, OCTOBER)
    assert late.invoice(datetime(2026, 10, 31, 23, 59, tzinfo=UTC)) == []


@pytest.mark.one_engine
def test_test_money_and_currencies_are_apart(late):
    late.use(10, OCTOBER)
    real = late.lots[0]
    late.lots = [replace(real, is_test=True), replace(real, gross=Fiat.parse("40.00", "USD"))]
    made = [(each.number, each.currency, str(each.totals.gross)) for each in late.invoice(DECEMBER)]
    assert made == [("TEST-LG-2026-000001", "EUR", "3.33"), ("LG-2026-000001", "USD", "4.00")]
    late.lots = [real, *late.lots]
    assert [each.number for each in late.invoice(DECEMBER)] == ["LG-2026-000002"], "test money does not stand in for it"


def test_months_follow_each_other():
    assert Month(2026, 12).following == Month(2027, 1)
    assert Month(2026, 2).last == date(2026, 2, 28)
    assert str(Month(2026, 3)) == "2026-03"
