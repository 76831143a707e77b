"""Money of an order that went back or is asked back: refunds, with what they would do, and disputes."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import new_id
from app.kernel.text import t
from app.payments.dispute_rows import DisputeView
from app.payments.orders import MANUAL
from app.payments.refund_rows import RefundView
from app.payments.refund_rules import Refundable
from app.payments.refunds import LONGEST_NOTE, RefundChoice
from app.payments.views import OrderView
from app.services import Services
from app.ui import present, wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_orders.detail_state import OrderState
from app.ui.pages.admin_orders.people import names_of
from app.ui.pages.admin_orders.returns_rows import (
    NO_PREVIEW,
    PreviewRow,
    ReturnRow,
    dispute_row,
    offer_words,
    plain,
    preview_row,
    refund_row,
    refused_words,
)
from app.ui.pages.admin_orders.rows import fiat_of, is_order
from app.ui.roles import Role

REFUND, SENT, CALL_OFF = "refund", "sent", "call_off"
FIELDS = ("refund_amount", "refund_note", "bank_reference")


@dataclass(frozen=True, slots=True)
class _Returned:
    order: OrderView
    can: Refundable
    refunds: list[RefundView]
    disputes: list[DisputeView]
    names: dict[str, str]


class ReturnsState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("doing", "busy", "draft", "errors", "preview")

    ready: bool = False
    shown: bool = False  # before anything was paid there is nothing to give back
    can_refund: bool = False
    offer: str = ""  # how much can go back now, or why nothing can
    rows: list[ReturnRow] = []
    doing: str = ""  # the dialog: refund, sent, call_off
    busy: bool = False
    draft: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    preview: PreviewRow = NO_PREVIEW
    act: str = ""
    about: str = ""  # the refund by transfer that is ended
    currency: str = ""
    _order_id: str = ""
    _refund_id: str = ""
    _key: str = ""

    @rx.event
    async def load(self):
        """A visit: what went back of the order the address names."""
        self.ready = self.shown = False
        self._order_id = ""
        wanted = str(self.router.url.path).rstrip("/").rpartition("/")[2]
        if not is_order(wanted):
            return
        self._order_id = wanted
        workspace = await self._show()
        if workspace:
            wiring.follow(self, workspace, ReturnsState.refresh)
            await self._show()  # what happened between reading and following is told by nobody

    @rx.event
    async def refresh(self):
        """Pushed when something happened to the customer's orders."""
        if self.ready:
            await self._show()

    # ---- the dialogs ----

    @rx.event
    async def begin(self, doing: str, refund_id: str = ""):
        """Open a dialog. What is confirmed in it is asked for once, however often it is pressed."""
        found = next((row for row in self.rows if row["id"] == refund_id and row["can_end"]), None)
        if doing not in (REFUND, SENT, CALL_OFF) or (doing == REFUND) != (found is None) or not self.ready:
            return
        if doing == REFUND and not self.can_refund:
            return
        self.doing, self.busy, self._key = doing, False, new_id("key")
        self._refund_id, self.about = (found["id"], found["amount"]) if found else ("", "")
        self.draft = dict.fromkeys(FIELDS, "")
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        if doing == REFUND:
            can = await asyncio.to_thread(services.current().cashier.refunds.refundable, self._order_id)
            self.draft["refund_amount"] = plain(can.amount)
            await self._weigh()
        else:
            self.act = t(f"admin_orders.{doing}.title")

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.doing = ""

    @rx.event
    async def write(self, name: str, text: str):
        if name not in FIELDS:
            return
        self.draft[name] = str(text)[: LONGEST_NOTE + 1]
        self.errors[name] = ""
        if name == "refund_amount" and self.doing == REFUND:
            self._key = new_id("key")  # another amount is another wish
            await self._weigh()

    @rx.event
    async def confirm(self):
        """Do what the dialog says; what is wrong stands under its field."""
        doing = self.doing
        if not doing or self.busy:
            return
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        self.busy = True
        yield
        try:
            said = await self._do(doing)
        except FareboxError as refused:
            about = "amount" if refused.stable_code == "refund_too_high" else refused.param or ""
            param = {"amount": "refund_amount", "note": "refund_note"}.get(about, about)
            self.errors[param if param in FIELDS else ""] = refused_words(refused)
            await self._show()
            return
        finally:
            self.busy = False
        self.doing = ""
        await self._show()
        yield OrderState.refresh
        yield toast_done(said)

    # ---- inside ----

    async def _do(self, doing: str) -> str:
        cashier, actor, draft = services.current().cashier, who().user_id, dict(self.draft)
        if doing == SENT:
            view = await cashier.refunds.confirm_sent(self._refund_id, draft["bank_reference"], actor=actor)
            services.current().news.publish(view.workspace_id)
            notes = ", ".join(note.number for note in view.credit_notes)
            return t("admin_orders.sent.done", amount=present.fiat(view.amount), note=notes)
        if doing == CALL_OFF:
            view = await cashier.refunds.call_off(self._refund_id, actor=actor)
            services.current().news.publish(view.workspace_id)
            return t("admin_orders.call_off.done", amount=present.fiat(view.amount))
        amount = fiat_of(draft["refund_amount"], self.currency)
        view = await cashier.refund(RefundChoice(self._order_id, actor, self._key, amount, note=draft["refund_note"]))
        words = "done" if view.state == "succeeded" else "by_hand" if view.provider == MANUAL else "under_way"
        return t(f"admin_orders.refund.{words}", amount=present.fiat(view.amount))

    async def _weigh(self) -> None:
        """What this amount would do; the button bears it."""
        self.preview, self.act = NO_PREVIEW, t("admin_orders.refund.title")
        try:
            amount = fiat_of(self.draft["refund_amount"], self.currency)
            found = await asyncio.to_thread(services.current().cashier.refunds.preview, self._order_id, amount)
        except FareboxError as refused:
            self.errors["refund_amount"] = refused_words(refused)
            return
        self.preview, self.act = preview_row(found), t("admin_orders.refund.act", amount=present.fiat(amount))

    async def _show(self) -> str:
        """Read and show; the customer's workspace, empty when there is no such order."""
        house = services.current()
        try:
            found = await asyncio.to_thread(_read, house, self._order_id)
        except NotFound:
            return ""
        at = house.desk.clock()
        both = [(one.created_at, refund_row(one, found.names, at)) for one in found.refunds]
        both += [(one.created_at, dispute_row(one, at)) for one in found.disputes]
        self.rows = [row for _, row in sorted(both, key=lambda each: each[0], reverse=True)]
        self.shown = found.order.is_credited
        self.can_refund, self.offer = found.can.refusal is None, offer_words(found.can)
        self.currency, self.ready = found.order.gross.currency, True
        return found.order.workspace_id


def _read(house: Services, order_id: str) -> _Returned:
    cashier = house.cashier
    order = cashier.order(order_id)
    refunds = cashier.refunds.listed(order_id=order_id)
    return _Returned(
        order=order,
        can=cashier.refunds.refundable(order_id),
        refunds=refunds,
        disputes=cashier.disputes(order_id=order_id),
        names=names_of(house, [one.created_by for one in refunds]),
    )
