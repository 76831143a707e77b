"""One order: its money, its papers, what happened to it, and the few things an operator can do."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.accounts.people import MemberInfo
from app.invoicing.reads import Seen
from app.kernel.errors import FareboxError, NotFound
from app.kernel.fiat import Fiat, total
from app.kernel.text import t
from app.payments.lifecycle import UNPAID, State
from app.payments.manual import Approval, Receipt
from app.payments.orders import CUSTOM, MANUAL
from app.payments.proofs import ProofFile
from app.payments.terms import TermsVersion
from app.payments.views import EventView, OrderView, PaymentView
from app.services import Services
from app.ui import present, wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_orders.people import names_of
from app.ui.pages.admin_orders.rows import (
    ApprovalRow,
    DocumentRow,
    EventRow,
    FileRow,
    MoneyRow,
    credits_words,
    day_of,
    document_row,
    event_row,
    fiat_of,
    file_row,
    is_order,
    method_of,
    payment_row,
    receipt_row,
    tone_of,
)
from app.ui.roles import Role

LONGEST_INPUT = 300
RECORD, APPROVE, REJECT, TAKE_OUT = "record", "approve", "reject", "take_out"
FIELDS = ("amount", "bank_reference", "day", "note", "reason")


class Shown(TypedDict):
    """The order in words."""

    id: str
    reference: str
    customer: str
    customer_href: str
    title: str
    state: str
    tone: str
    method: str
    is_transfer: bool
    is_test: bool
    total: str
    net: str
    tax: str
    tax_words: str
    credits: str
    credits_words: str
    expires: str
    received: str
    received_words: str
    created: str
    paid: str
    ordered_by: str
    terms: str
    failure: str
    approvals: str


NOTHING_YET: Shown = {
    "id": "", "reference": "", "customer": "", "customer_href": "", "title": "", "state": "", "tone": "neutral",
    "method": "", "is_transfer": False, "is_test": False, "total": "", "net": "", "tax": "", "tax_words": "",
    "credits": "", "credits_words": "", "expires": "", "received": "", "received_words": "", "created": "", "paid": "",
    "ordered_by": "", "terms": "", "failure": "", "approvals": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Whole:
    order: OrderView
    customer: str
    members: list[MemberInfo]
    receipts: list[Receipt]
    approvals: list[Approval]
    needed: int
    payments: list[PaymentView]
    proofs: list[ProofFile]
    documents: list[Seen]
    events: list[EventView]
    terms: TermsVersion | None
    names: dict[str, str]

    @property
    def received(self) -> Fiat:
        return total((receipt.amount for receipt in self.receipts), self.order.gross.currency)

    @property
    def missing(self) -> Fiat:
        return self.order.gross - self.received


class OrderState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("doing", "busy", "draft", "errors", "second")

    ready: bool = False
    missing: bool = False
    order: Shown = NOTHING_YET
    money: list[MoneyRow] = []
    files: list[FileRow] = []
    documents: list[DocumentRow] = []
    approvals: list[ApprovalRow] = []
    events: list[EventRow] = []
    can_record: bool = False
    can_approve: bool = False
    can_reject: bool = False
    hint: str = ""  # why nothing can be approved, or who has to
    doing: str = ""  # the dialog: record, approve, reject, take_out
    busy: bool = False
    draft: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    currency: str = ""
    act: str = ""
    surplus: str = ""
    second: str = ""  # what a first of two approvals means
    _receipt: str = ""
    _missing: int = 0

    @rx.event
    async def load(self):
        """A visit: the order the address names."""
        self.ready = self.missing = False
        workspace = await self._show()
        if workspace:
            wiring.follow(self, workspace, OrderState.refresh)
            await self._show()  # what happened between reading and following is told by nobody

    @rx.event
    async def refresh(self):
        """Pushed when something happened to the customer's orders."""
        if self.ready and not self.missing:
            await self._show()

    # ---- the dialogs ----

    @rx.event
    def begin(self, doing: str, receipt_id: str = ""):
        """Open a dialog, with what is still missing filled in."""
        allowed = {RECORD: self.can_record, APPROVE: self.can_approve, REJECT: self.can_reject, TAKE_OUT: True}
        if not allowed.get(doing):
            return
        if doing == TAKE_OUT and not any(row["id"] == receipt_id and row["can_take_out"] for row in self.money):
            return
        self.doing, self._receipt, self.busy = doing, str(receipt_id), False
        self.draft = dict.fromkeys(FIELDS, "")
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        if doing == RECORD:
            self.draft["amount"] = str(Fiat(max(self._missing, 0), self.currency).amount) if self._missing > 0 else ""
            self.draft["day"] = services.current().desk.clock().date().isoformat()
        self._weigh()

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.doing = ""

    @rx.event
    def write(self, name: str, text: str):
        if name in FIELDS:
            self.draft[name] = str(text)[:LONGEST_INPUT]
            self.errors[name] = ""
            self._weigh()

    @rx.event
    async def confirm(self):
        """Do what the dialog says; what is wrong stands under its field."""
        doing, order_id = self.doing, self.order["id"]
        if not doing or self.busy:
            return
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        self.busy = True
        yield
        try:
            said = await self._do(doing, order_id)
        except FareboxError as refused:
            self.errors[refused.param if refused.param in FIELDS else ""] = refused.message
            return
        finally:
            self.busy = False
        self.doing = ""
        await self._show()
        yield toast_done(said)

    # ---- inside ----

    async def _do(self, doing: str, order_id: str) -> str:
        house, actor = services.current(), who().user_id
        manual, draft, name = house.cashier.manual, dict(self.draft), self.order["reference"]
        if doing == RECORD:
            amount = fiat_of(draft["amount"], self.currency)
            day = day_of(draft["day"], house.desk.clock().date())
            await asyncio.to_thread(
                lambda: manual.record(
                    order_id, amount, bank_reference=draft["bank_reference"], value_date=day, actor=actor
                )
            )
            return t("admin_orders.record.done", amount=present.fiat(amount), order=name)
        if doing == APPROVE:
            order = await manual.approve(order_id, actor=actor, note=draft["note"])
            if not order.is_credited:
                return t("admin_orders.approve.first", order=name)
            credits = present.credit_words(order.credits + order.bonus)
            return t("admin_orders.approve.done", credits=credits, customer=self.order["customer"])
        if doing == REJECT:
            await asyncio.to_thread(lambda: manual.reject(order_id, reason=draft["reason"], actor=actor))
            return t("admin_orders.reject.done", order=name)
        receipt = self._receipt
        await asyncio.to_thread(lambda: manual.take_out(receipt, reason=draft["reason"], actor=actor))
        return t("admin_orders.take_out.done", order=name)

    def _weigh(self) -> None:
        """The button bears the amount; more than is missing is said before it is recorded."""
        self.surplus = ""
        if self.doing == RECORD:
            try:
                amount = fiat_of(self.draft["amount"], self.currency)
            except FareboxError:
                self.act = t("admin_orders.record.title")
                return
            self.act = t("admin_orders.record.act", amount=present.fiat(amount))
            over = amount - Fiat(max(self._missing, 0), self.currency)
            if over.minor > 0:
                self.surplus = t("admin_orders.record.surplus", amount=present.fiat(over))
        elif self.doing:
            act = {
                APPROVE: "admin_orders.approve.act",
                REJECT: "admin_orders.reject.title",
                TAKE_OUT: "admin_orders.take_out.title",
            }[self.doing]
            self.act = t(act, amount=self.order["total"]) if self.doing == APPROVE else t(act)

    async def _show(self) -> str:
        """Read the order and show it; the customer's workspace, empty when there is no such order."""
        wanted = str(self.router.url.path).rstrip("/").rpartition("/")[2]
        house, me = services.current(), who().user_id
        try:
            if not is_order(wanted):
                raise NotFound("No such order.")
            whole = await asyncio.to_thread(_read, house, wanted)
        except NotFound:
            self.missing = self.ready = True
            return ""
        at, order = house.desk.clock(), whole.order
        waits = order.provider == MANUAL and order.state in UNPAID
        self.order = _shown(whole)
        taken = {receipt.bank_reference.removeprefix("takes back ") for receipt in whole.receipts}
        self.money = [
            *[receipt_row(one, taken, whole.names, open_=not order.is_credited) for one in whole.receipts],
            *[payment_row(one, at) for one in whole.payments if one.provider != MANUAL],
        ]
        self.files = [file_row(proof, whole.names, at) for proof in whole.proofs]
        self.documents = [document_row(seen) for seen in whole.documents]
        self.approvals = [
            {"who": whole.names.get(one.approved_by, one.approved_by), "note": one.note,
             "time": present.moment(one.created_at, at)}
            for one in whole.approvals
        ]  # fmt: skip
        self.events = [event_row(event, whole.names, at) for event in reversed(whole.events)]
        self.currency, self._missing = order.gross.currency, whole.missing.minor
        self.can_record = order.provider == MANUAL and not order.is_credited and order.state is not State.REJECTED
        self.can_reject = order.provider == MANUAL and order.state in (State.PENDING, State.PROCESSING)
        self.hint = _hint(whole, me) if waits else ""
        self.can_approve = self.can_record and whole.missing.minor <= 0 and not self.hint
        first = whole.needed > 1 and not whole.approvals
        self.second = t("admin_orders.approve.second") if first else ""
        self.ready, self.missing = True, False
        return order.workspace_id


def _read(house: Services, order_id: str) -> _Whole:
    cashier = house.cashier
    order = cashier.order(order_id)
    is_manual = order.provider == MANUAL
    receipts = cashier.manual.receipts(order_id)
    approvals = cashier.manual.approvals(order_id)
    proofs = cashier.proofs.of_order(order_id)
    events = cashier.history(order_id)
    ids = [
        order.created_by,
        *(receipt.recorded_by for receipt in receipts),
        *(one.approved_by for one in approvals),
        *(proof.uploaded_by for proof in proofs),
        *(event.actor for event in events),
    ]
    return _Whole(
        order=order,
        customer=house.accounts.people.workspace(order.workspace_id).name,
        members=house.accounts.people.members(order.workspace_id),
        receipts=receipts,
        approvals=approvals,
        needed=cashier.manual.needed_approvals(order_id) if is_manual else 0,
        payments=cashier.payments_of(order_id),
        proofs=proofs,
        documents=house.invoicing.invoices.of_order(order_id),
        events=events,
        terms=cashier.terms.find(order.terms_version_id) if order.terms_version_id else None,
        names=names_of(house, ids),
    )


def _hint(whole: _Whole, me: str) -> str:
    """Why this operator cannot approve the order now; empty when they can."""
    if whole.missing.minor > 0:
        return t("admin_orders.hint.missing", amount=present.fiat(whole.missing))
    own = me == whole.order.created_by and whole.order.kind != CUSTOM
    if own or any(member.user_id == me for member in whole.members):
        return t("admin_orders.hint.own")
    if any(one.approved_by == me for one in whole.approvals):
        return t("admin_orders.hint.given")
    return ""


def _shown(whole: _Whole) -> Shown:
    order = whole.order
    missing = whole.missing
    if order.provider != MANUAL:
        received = present.fiat(total((one.amount for one in whole.payments), order.gross.currency))
        received_words = t("admin_orders.kpi.by_card")
    else:
        received = present.fiat(whole.received)
        received_words = (
            t("admin_orders.kpi.missing", amount=present.fiat(missing))
            if missing.minor > 0
            else t("admin_orders.kpi.surplus", amount=present.fiat(-missing))
            if missing.minor < 0
            else t("admin_orders.kpi.complete")
        )
    needed = whole.needed
    return {
        "id": order.id,
        "reference": order.reference,
        "customer": whole.customer,
        "customer_href": f"/admin/customers/{order.workspace_id}",
        "title": order.title,
        "state": t(f"admin_orders.state.{order.state}"),
        "tone": tone_of(order.state),
        "method": method_of(order.provider),
        "is_transfer": order.provider == MANUAL,
        "is_test": not order.livemode,
        "total": present.fiat(order.gross),
        "net": present.fiat(order.net),
        "tax": present.fiat(order.tax),
        "tax_words": t("admin_orders.kpi.net_tax", net=present.fiat(order.net), tax=present.fiat(order.tax)),
        "credits": present.credits(order.credits + order.bonus),
        "credits_words": credits_words(order.credits, order.bonus) or order.title,
        "expires": present.plural(order.expires_days, "day") if order.expires_days else t("admin_orders.never"),
        "received": received,
        "received_words": received_words,
        "created": present.full_moment(order.created_at).rsplit(":", 1)[0],
        "paid": present.full_moment(order.paid_at).rsplit(":", 1)[0] if order.paid_at else "",
        "ordered_by": whole.names.get(order.created_by, t("admin_orders.system")),
        "terms": whole.terms.name if whole.terms else present.NOTHING,
        "failure": order.failure_message or "",
        "approvals": t("admin_orders.approvals.of", given=len(whole.approvals), needed=needed) if needed else "",
    }
