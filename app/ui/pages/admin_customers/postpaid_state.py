"""How a customer pays: in advance or afterwards, with which limit; their open invoices and what is done about them."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import reflex as rx
from sqlalchemy import Connection, Row, select

from app import services
from app.accounts.audit import note
from app.billing import invoices, listing, payments, postpaid, suggesting
from app.billing.limits import Suggestion
from app.billing.listing import Listed, Wanted
from app.billing.postpaid import WRITTEN_OFF
from app.kernel.errors import FareboxError, InvalidInput, NotFound
from app.kernel.ids import is_id, new_id
from app.kernel.money import plain
from app.kernel.text import t
from app.ledger import reads
from app.ledger.reads import Balance
from app.services import Services
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_customers.postpaid_rows import (
    FIELDS,
    NO_TERMS,
    Terms,
    agreed_of,
    first_values,
    limit_words,
    reasons_of,
    terms_of,
)
from app.ui.pages.admin_orders.rows import fiat_of
from app.ui.pages.admin_subscriptions.rows import SubscriptionRow, subscription_row
from app.ui.pages.billed.rows import InvoiceRow, invoice_row
from app.ui.roles import Role

#: What is done here; each asks first.
ACTS = ("terms", "off", "pay", "write_off")
INPUTS = (*FIELDS, "amount", "reference", "reason")
ERRORS = (*INPUTS, "")
LONGEST = 300
MOST_INVOICES = 50
MOST_SUBSCRIPTIONS = 20


class Read(NamedTuple):
    row: Row[Any] | None
    balance: Balance
    suggested: Suggestion
    open: list[Row[Any]]
    subscriptions: list[Listed]


class PostpaidState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("doing", "busy", "values", "errors", "give", "invoice", "number", "left")

    ready: bool = False
    terms: Terms = NO_TERMS
    reasons: list[str] = []
    open_invoices: list[InvoiceRow] = []
    subscriptions: list[SubscriptionRow] = []

    doing: str = ""
    stamp: str = ""
    stamp_limit: str = ""  # of the field that the suggestion is put into
    busy: bool = False
    values: dict[str, str] = dict.fromkeys(INPUTS, "")
    errors: dict[str, str] = dict.fromkeys(ERRORS, "")
    give: str = ""
    invoice: str = ""  # the id of the one that is asked about
    number: str = ""
    left: str = ""

    @rx.event
    async def load(self):
        """A visit of the customer's page."""
        self.ready = False
        await self._show()

    @rx.event
    async def begin(self, doing: str):
        """Ask about the terms, or about going back to prepaid."""
        if doing not in ("terms", "off") or not self.ready or (doing == "off" and not self.terms["active"]):
            return
        self._open(str(doing))
        if doing == "terms":
            house = services.current()
            found = await asyncio.to_thread(_read, house, self._workspace())
            self.values |= first_values(found.row, found.balance, house.editing.credit_value)
            self.give = limit_words(self.values)

    @rx.event
    async def begin_with(self, doing: str, invoice_id: str):
        """Ask about one of the open invoices."""
        row = next((each for each in self.open_invoices if each["id"] == invoice_id), None)
        if row is None or doing not in ("pay", "write_off"):
            return
        self._open(str(doing))
        self.invoice, self.number, self.left = row["id"], row["number"], row["left"]
        found = await asyncio.to_thread(_invoice, services.current(), row["id"])
        self.values["amount"] = plain(invoices.remaining(found).amount)

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.doing = ""

    @rx.event
    def write(self, name: str, text: str):
        if name in INPUTS:
            self.values[name], self.errors[name] = str(text)[:LONGEST], ""
            self.give = limit_words(self.values)

    @rx.event
    def use_suggested(self):
        """The suggested limit into the field."""
        if self.terms["suggested_limit"]:
            self.values["limit"], self.errors["limit"] = self.terms["suggested_limit"], ""
            self.give, self.stamp_limit = limit_words(self.values), new_id("req")

    @rx.event
    async def act(self):
        """Do what the open dialog is for, once: the second of two clicks finds it closed."""
        doing = self.doing
        if doing not in ACTS or self.busy:
            return None
        house, self.busy = services.current(), True
        self.errors = dict.fromkeys(ERRORS, "")
        try:
            await asyncio.to_thread(_do, house, self._work(doing))
        except FareboxError as refused:
            place = {"postpaid": "", "credit_limit": "limit"}.get(refused.param or "", refused.param or "")
            self.errors[place if place in ERRORS else ""] = refused.message
            return None
        finally:
            self.busy = False
        self.doing = ""
        house.wake("billing.close")  # the ledger hears of what was paid, and who was restricted is let go
        house.news.publish(self._workspace())
        await self._show()
        return toast_done(t(f"admin_customers.postpaid.done.{doing}"))

    # ---- inside ----

    def _open(self, doing: str) -> None:
        self.doing, self.stamp, self.busy, self.invoice = doing, new_id("req"), False, ""
        self.values, self.errors = dict.fromkeys(INPUTS, ""), dict.fromkeys(ERRORS, "")

    def _work(self, doing: str) -> Callable[[Connection], None]:
        """The dialog as something to do in a transaction, with its audit note. `InvalidInput` names the field."""
        values, workspace = dict(self.values), self._workspace()
        actor, now = who().user_id, services.current().desk.clock()
        invoice_id, key = self.invoice, self.stamp
        match doing:
            case "terms":
                limit, agreed = agreed_of(values)
                price = f"{plain(agreed.credit_price)} {agreed.currency}"
                said = f"{plain(limit.amount)} credits at {price}, {agreed.net_days} days"

                def switch_on(c: Connection) -> None:
                    postpaid.switch_on(c, workspace, limit, agreed, actor=actor, now=now)
                    note(c, actor, "postpaid.agreed", workspace, said, at=now)

                return switch_on
            case "off":

                def switch_off(c: Connection) -> None:
                    postpaid.switch_off(c, workspace, actor=actor, now=now)
                    note(c, actor, "postpaid.ended", workspace, "", at=now)

                return switch_off
            case "pay":
                reference = " ".join(values["reference"].split())
                if not reference:
                    raise InvalidInput(t("admin_customers.wrong.reference"), param="reference")

                def pay(c: Connection) -> None:
                    row = _own(c, invoice_id, workspace)
                    amount = fiat_of(values["amount"], row.currency)
                    made, _ = payments.create(c, row.id, amount, payments.OFFLINE, key=key, actor=actor, now=now)
                    payments.succeed(c, made.id, now=now, reference=reference)
                    note(c, actor, "invoice.paid", workspace, f"{row.number}: {amount}, {reference}", at=now)

                return pay
        reason = " ".join(values["reason"].split())
        if not reason:
            raise InvalidInput(t("admin_customers.wrong.why"), param="reason")

        def write_off(c: Connection) -> None:
            row = _own(c, invoice_id, workspace)
            postpaid.write_off(c, row.id, reason=reason, now=now)
            note(c, actor, "invoice.written_off", workspace, f"{row.number}: {reason}", at=now)

        return write_off

    def _workspace(self) -> str:
        return str(self.router.url.path).rstrip("/").rpartition("/")[2]

    async def _show(self) -> None:
        house, workspace = services.current(), self._workspace()
        if not is_id(workspace, "ws"):
            return
        try:
            found = await asyncio.to_thread(_read, house, workspace)
        except NotFound:
            return
        at = house.desk.clock()
        self.terms, self.reasons = terms_of(found.row, found.balance, found.suggested), reasons_of(found.suggested)
        self.open_invoices = [invoice_row(row, at, for_operator=True) for row in found.open]
        self.subscriptions = [subscription_row(one, at) for one in found.subscriptions]
        self.ready = True


def _read(house: Services, workspace_id: str) -> Read:
    table = invoices.INVOICE
    unpaid = (
        select(table)
        .where(
            table.c.workspace_id == workspace_id,
            table.c.state == invoices.FINALIZED,
            table.c.total > table.c.paid + table.c.adjusted,
            table.c.payment_state.in_((invoices.PENDING, invoices.FAILED, invoices.PROCESSING)),
        )
        .order_by(table.c.due_at, table.c.id)
        .limit(MOST_INVOICES)
    )
    with house.db.read() as connection:
        return Read(
            postpaid.find(connection, workspace_id),
            reads.balance(connection, workspace_id),
            suggesting.suggestion(connection, workspace_id, house.desk.clock()),
            [row for row in connection.execute(unpaid) if not row.computed.get(WRITTEN_OFF)],
            listing.page(connection, Wanted(workspace_id=workspace_id, limit=MOST_SUBSCRIPTIONS)),
        )


def _invoice(house: Services, invoice_id: str) -> Row[Any]:
    with house.db.read() as connection:
        return invoices.find(connection, invoice_id)


def _own(connection: Connection, invoice_id: str, workspace_id: str) -> Row[Any]:
    """An invoice of this customer, whatever a socket says."""
    row = invoices.find(connection, invoice_id)
    if row.workspace_id != workspace_id:
        raise NotFound(f"There is no invoice {invoice_id[:100]}.", code="invoice_not_found")
    return row


def _do(house: Services, work: Callable[[Connection], None]) -> None:
    with house.db.write() as connection:
        work(connection)
