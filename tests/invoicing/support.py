"""Short words for the tests of invoicing: sellers and buyers who can be read at a glance, and an office to issue in."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select

from app.accounts.tables import Workspace
from app.invoicing import tables
from app.invoicing.compose import DraftLine
from app.invoicing.document import Paid
from app.invoicing.issue import CreditDraft, InvoiceDraft, issue_credit_note, issue_invoice
from app.invoicing.parties import Address, Buyer, Seller, TaxId, TaxIdCheck
from app.invoicing.rates import RateBook
from app.invoicing.seller import Sellers
from app.invoicing.tax import decide
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import Issued
from app.kernel.db import Database, metadata
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id

TODAY = date(2026, 11, 21)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
VAT_IDS = {"DE": "DE136695976", "FR": "FR40303265045", "AT": "ATU13585627", "IE": "IE6433435F"}


def seller(country: str = "DE", **more: Any) -> Seller:
    address = Address("Torstraße 140", "Berlin", country, postcode=more.pop("postcode", "10119"))
    if state := more.pop("state", ""):
        address = Address("1 Main St", "Town", country, postcode="1", state=state)
    basis: dict[str, Any] = {"entity_id": "", "version": 1, "name": "Lumen Gateway GmbH", "series_prefix": "LG"}
    return Seller(address=address, **{**basis, "vat_id": VAT_IDS.get(country, ""), **more})


def person(country: str = "DE", *, postcode: str = "20095", state: str = "", **more: Any) -> Buyer:
    return Buyer("ws_1", "Mara Lind", Address("Lange Reihe 1", "Hamburg", country, "", postcode, state), **more)


def company(
    country: str = "FR", tax_id: str = "", result: str = "", *, type_: str = "eu_vat", state: str = "", **more: Any
) -> Buyer:
    check = TaxIdCheck("vies", result, NOON.isoformat()) if result else None  # type: ignore[arg-type]
    value = tax_id or VAT_IDS.get(country, "")
    known = TaxId(value, type_, more.pop("tax_id_country", country), more.pop("syntax_ok", True), check)
    address = Address("1 Rue de Rivoli", "Paris", country, "", "75001", state)
    return Buyer(
        "ws_1", "Ada", address, company="Halfmoon SARL", is_business=True, tax_id=known if value else None, **more
    )


def euros(figure: str) -> Fiat:
    return Fiat.parse(figure, "EUR")


def tax_on(net: str = "100.00", sells: Seller | None = None, buys: Buyer | None = None, **more: Any) -> TaxSnapshot:
    amount = Fiat.parse(net, more.pop("currency", "EUR"))
    evidence = more.pop("evidence", ())
    rates = more.pop("rates", RateBook())
    return decide(sells or seller(), buys or person(), evidence, amount, rates, more.pop("on", TODAY), **more)


def new_workspace(db: Database) -> str:
    workspace_id = new_id("ws")
    with db.write() as connection:
        connection.execute(insert(WORKSPACE).values(id=workspace_id, name="Test", created_at=NOON))
    return workspace_id


def together(workers: int, work: Callable[[int], None]) -> None:
    """The same work in threads that start at once; any failure fails the test."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(workers)

    def run(index: int) -> None:
        try:
            barrier.wait(30)
            work(index)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if failures:
        raise BaseExceptionGroup("work that failed", failures)


class Office:
    """A legal entity in a database, and workspaces to invoice."""

    def __init__(self, db: Database, **about: Any) -> None:
        self.db = db
        self.sellers = Sellers(db, lambda: NOON)
        known = self.sellers.all()
        self.seller = known[0] if known else self.sellers.save(seller(**about), author="test")

    def workspace(self) -> str:
        return new_workspace(self.db)

    def draft(self, workspace_id: str, source_id: str, net: str = "100.00", **more: Any) -> InvoiceDraft:
        tax = more.pop("tax", None) or tax_on(net, self.seller, more.pop("buyer", None))
        line = DraftLine("10,000 credits", tax.total_net, Decimal(1), "package", detail="expire after 365 days")
        at = more.pop("at", NOON)
        given: dict[str, Any] = {
            "lines": (line,),
            "supplied_at": at,
            "order_id": source_id,
            "order_number": "A-1",
            "paid": Paid(TODAY, "Card •••• 4242", "pi_1"),
            "terms_version": "3",
        }
        return InvoiceDraft(workspace_id=workspace_id, tax=tax, issued_at=at, source_id=source_id, **{**given, **more})

    def issue(self, workspace_id: str, source_id: str, net: str = "100.00", **more: Any) -> Issued:
        with self.db.write() as connection:
            return issue_invoice(connection, self.draft(workspace_id, source_id, net, **more))

    def credit(self, invoice_id: str, source_id: str, gross: str, **more: Any) -> Issued:
        draft = CreditDraft(
            invoice_id=invoice_id,
            gross=Fiat.parse(gross, more.pop("currency", "EUR")),
            issued_at=more.pop("at", NOON),
            source_id=source_id,
            reason="Not needed",
            **more,
        )
        with self.db.write() as connection:
            return issue_credit_note(connection, draft)

    def row(self, invoice_id: str) -> Any:
        with self.db.read() as connection:
            return connection.execute(select(tables.invoice).where(tables.invoice.c.id == invoice_id)).one()

    def numbers(self) -> list[str]:
        with self.db.read() as connection:
            return list(connection.execute(select(tables.invoice.c.number).order_by(tables.invoice.c.number)).scalars())
