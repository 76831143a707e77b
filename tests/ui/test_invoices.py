"""The list of invoices: what stands in it, what it can be narrowed to, and whose it is."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from app.billing import invoices as books
from app.billing import one_off, payments
from app.invoicing.choices import Choices, narrowed
from app.invoicing.document import Kind
from app.invoicing.reads import Filter, Sum
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.plans import customers
from app.ui.pages.invoices import state as invoices
from app.ui.pages.invoices.paying import PayingState
from app.ui.pages.invoices.rows import invoice_row, kind_segments, sum_words, year_options
from app.ui.pages.invoices.state import InvoicesState
from tests.invoicing.support import NOON, Office
from tests.support.house import House
from tests.ui.screens import Screen, stranger

pytestmark = pytest.mark.anyio


@pytest.fixture
def office(home: House) -> Office:
    return Office(home.services.db)


def test_an_invoice_and_its_credit_note_as_rows(home: House, office: Office) -> None:
    issued = office.issue(home.workspace_id, f"ord_{home.workspace_id}")
    office.credit(issued.invoice_id, f"re_{home.workspace_id}", "19.00")
    note, invoice = (invoice_row(seen) for seen in home.services.invoicing.invoices.page(_own(home)))
    assert (invoice["kind"], invoice["total"], invoice["tax"]) == ("Invoice", "€119.00", "€19.00")
    assert (invoice["state"], invoice["tone"]) == ("€19.00 given back", "thin")
    assert invoice["pdf"] == f"/download/invoices/{issued.invoice_id}.pdf"
    assert (note["kind"], note["total"], note["about"]) == ("Credit note", "−€19.00", f"corrects {issued.number}")


def test_choices_are_offered_only_where_there_is_something_to_choose() -> None:
    assert kind_segments(Choices((Kind.INVOICE,), (2026,))) == []
    assert year_options(Choices((Kind.INVOICE,), (2026,))) == []
    both = Choices((Kind.INVOICE, Kind.CREDIT_NOTE), (2026, 2025))
    assert [segment["label"] for segment in kind_segments(both)] == ["All", "Invoices", "Credit notes"]
    assert [option["label"] for option in year_options(both)] == ["Every year", "2026", "2025"]


def test_the_sum_has_a_part_for_each_currency() -> None:
    euros = Sum(2, Fiat(10_000, "EUR"), Fiat(1_900, "EUR"), Fiat(11_900, "EUR"))
    yen = Sum(1, Fiat(1_500, "JPY"), Fiat(0, "JPY"), Fiat(1_500, "JPY"))
    assert sum_words([]) == ""
    assert sum_words([euros, yen]) == "3 documents: €119.00 including €19.00 tax, ¥1,500 including ¥0 tax"


async def test_what_is_to_be_paid_says_so_until_it_is(home: House, office: Office, screen: Screen) -> None:
    parts = home.services

    def bill(connection: Connection) -> str:
        now = parts.desk.clock()
        customer = customers.of_workspace(connection, home.workspace_id, now=now)
        wish = Given({"customer_id": customer.id, "currency": "eur", "subtotal": "100", "description": "Work"})
        made = one_off.create(connection, wish, actor="test", now=now)
        return str(books.finalize(connection, made.id, now=now).id)

    with parts.db.write() as connection:
        made = bill(connection)
    page, paying = await screen.open(InvoicesState, "/invoices"), await screen.open(PayingState, "/invoices")
    [row], [waiting] = page.rows, paying.bills
    assert row["state"] == waiting["until"]
    assert row["state"].startswith("To pay by")
    assert (row["number"], waiting["link"], paying.card) == (waiting["number"], "", "")
    with parts.db.write() as connection:
        payments.mark(connection, made, "SUCCEEDED", None, actor="test", now=parts.desk.clock())
    await screen.act(page.load())
    await screen.act(paying.load())
    assert (page.rows[0]["state"], paying.bills) == ("Paid", [])


async def test_nothing_yet(screen: Screen) -> None:
    page = await screen.open(InvoicesState, "/invoices")
    assert (page.ready, page.has_any, page.rows, page.summed) == (True, False, [], "")


async def test_the_list_is_narrowed_summed_and_exported_alike(screen: Screen, home: House, office: Office) -> None:
    mine = office.issue(home.workspace_id, f"ord_{home.workspace_id}")
    office.issue(home.workspace_id, f"old_{home.workspace_id}", at=NOON + timedelta(days=60))
    office.credit(mine.invoice_id, f"re_{home.workspace_id}", "119.00", at=NOON + timedelta(days=61))
    page = await screen.open(InvoicesState, "/invoices")
    assert len(page.rows) == 3
    assert page.summed.startswith("3 documents: €119.00")
    assert page.csv == "/download/invoices.csv"

    await screen.act(page.choose_kind("credit_note"))
    assert [row["kind"] for row in page.rows] == ["Credit note"]
    assert page.csv == "/download/invoices.csv?kind=credit_note"
    await screen.act(page.choose_kind("all"))
    await screen.act(page.choose_year("2026"))
    assert [row["number"] for row in page.rows] == [mine.number]
    assert page.rows[0]["state"] == "Given back in full"
    await screen.act(page.clear())
    await screen.act(page.look_for(mine.number))
    assert [row["number"] for row in page.rows] == [mine.number]
    await screen.act(page.look_for("nothing like it"))
    assert (page.rows, page.filtered, page.has_any) == ([], True, True)


@pytest.mark.parametrize(
    ("handler", "argument"), [("choose_kind", "order"), ("choose_year", "1999"), ("choose_year", "x")]
)
async def test_what_is_not_offered_is_not_chosen(screen: Screen, handler: str, argument: str) -> None:
    page = await screen.open(InvoicesState, "/invoices")
    await screen.act(getattr(page, handler)(argument))
    assert page.filtered is False


async def test_pages_go_on_and_back(screen: Screen, home: House, office: Office, monkeypatch) -> None:
    monkeypatch.setattr(invoices, "PAGE", 2)
    numbers = [office.issue(home.workspace_id, f"o{n}_{home.workspace_id}").number for n in range(5)]
    page = await screen.open(InvoicesState, "/invoices")
    seen = [row["number"] for row in page.rows]
    assert (page.shown, page.has_previous, page.has_next) == ("1–2", False, True)
    while page.has_next:
        await screen.act(page.next_page())
        seen += [row["number"] for row in page.rows]
    assert seen == numbers[::-1]
    assert page.shown == "5–5"
    await screen.act(page.previous_page())
    assert page.shown == "3–4"


async def test_another_workspace_sees_none_of_them(screen: Screen, home: House, office: Office) -> None:
    office.issue(home.workspace_id, f"ord_{home.workspace_id}")
    other = Screen(home, stranger(home.newcomer().workspace_id))
    page = await other.open(InvoicesState, "/invoices")
    assert (page.rows, page.has_any, page.years) == ([], False, [])


def _own(home: House) -> Filter:
    return narrowed(home.workspace_id, year="2026")
