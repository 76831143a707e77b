"""One order looked at: where it stands, pushed while it changes; how to pay it, or to call it off."""

import asyncio
import json
from dataclasses import dataclass
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.ledger.reads import Balance
from app.payments.dispute_rows import DisputeView
from app.payments.manual import Transfer
from app.payments.orders import MANUAL
from app.payments.proofs import ProofFile
from app.payments.refund_rows import RefundView
from app.payments.views import OrderView, PaymentView
from app.services import Services
from app.ui import present, wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.top_up.offer import BankLine
from app.ui.pages.top_up.orders import (
    NO_ORDER,
    BackRow,
    OrderFacts,
    ProofRow,
    StepRow,
    back_rows,
    order_facts,
    proof_rows,
    steps,
    takes_more,
    transfer_lines,
)
from app.ui.pages.top_up.shop_state import LONGEST_CODE, problem_words
from app.ui.roles import Role

LONGEST_SESSION = 200


@dataclass(frozen=True, slots=True)
class Looked:
    """An order with everything around it."""

    order: OrderView
    payments: list[PaymentView]
    transfer: Transfer | None
    proofs: list[ProofFile]
    terms: str
    balance: Balance
    refunds: list[RefundView]
    disputes: list[DisputeView]


class OrderState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    asked: bool = False  # whether the address names an order
    missing: bool = False
    ready: bool = False
    facts: OrderFacts = NO_ORDER
    steps: list[StepRow] = []
    bank: list[BankLine] = []
    proofs: list[ProofRow] = []
    back: list[BackRow] = []
    takes_more: bool = False
    paying: bool = False
    error: str = ""
    _order_id: str = ""
    _returned: bool = False

    @rx.event
    async def load(self):
        """A visit: the order the address names, or the one whose payment page somebody comes back from."""
        query = self.router.url.query_parameters
        order_id, session_id = query.get("order", ""), query.get("cs", "")[:LONGEST_SESSION]
        self.asked, self.missing, self.paying = bool(order_id or session_id), False, False
        self.error = problem_words(query.get("problem", "")[:LONGEST_CODE]) if order_id else ""
        if not self.asked:
            self.ready, self.facts = False, NO_ORDER
            return
        self._returned = bool(session_id)
        self._order_id = await asyncio.to_thread(_wanted, services.current(), workspace_id(), order_id, session_id)
        if not self._order_id:
            self.missing = self.ready = True
            return
        wiring.follow(self, workspace_id(), OrderState.refresh)
        await self._show()

    @rx.event
    async def refresh(self):
        """Pushed when the payment was confirmed, or anything else of the workspace changed."""
        if self.asked and self._order_id:
            await self._show()

    @rx.event
    async def pay(self):
        """On to the provider's page, the open one or a new one."""
        if self.paying or not self._order_id:
            return
        self.paying, self.error = True, ""
        yield
        try:
            order = await services.current().cashier.resume(self._order_id, workspace_id=workspace_id())
        except FareboxError as refused:
            self.paying, self.error = False, problem_words(refused.stable_code)
            return
        self.paying = False
        if order.url:
            yield rx.call_script(f"window.location.assign({json.dumps(order.url)})")
            return
        await self._show()

    @rx.event
    async def cancel(self):
        """Call it off; what is being paid just now stays."""
        if not self._order_id:
            return None
        try:
            order = await services.current().cashier.call_off(
                self._order_id, workspace_id=workspace_id(), actor=who().user_id
            )
        except FareboxError as refused:
            self.error = problem_words(refused.stable_code)
            return None
        self._returned = False
        await self._show()
        services.current().news.publish(workspace_id())
        return toast_done(t("top_up.canceled", reference=order.reference))

    async def _show(self) -> None:
        parts = services.current()
        try:
            looked = await asyncio.to_thread(look, parts, self._order_id, workspace_id())
        except NotFound:
            self.missing = self.ready = True
            return
        now, order = parts.desk.clock(), looked.order
        balance = t("top_up.step.available", credits=present.credit_words(looked.balance.available))
        self.facts = order_facts(order, looked.transfer, looked.terms, now, returned=self._returned)
        self.steps = steps(order, looked.payments, balance, now, returned=self._returned)
        self.bank = transfer_lines(looked.transfer) if looked.transfer and order.is_waiting else []
        self.back = back_rows(looked.refunds, looked.disputes, now)
        self.proofs, self.takes_more = proof_rows(looked.proofs, now), takes_more(looked.proofs)
        self.ready = True


def look(parts: Services, order_id: str, workspace: str) -> Looked:
    """The order with its payments, bank details and files; `NotFound` for another workspace's."""
    cashier = parts.cashier
    order = cashier.order(order_id, workspace)
    by_transfer = order.provider == MANUAL
    return Looked(
        order=order,
        payments=cashier.payments_of(order.id),
        transfer=cashier.manual.transfer(order.id, workspace) if by_transfer else None,
        proofs=cashier.proofs.of_order(order.id) if by_transfer else [],
        terms=cashier.terms.find(order.terms_version_id).name if order.terms_version_id else "",
        balance=parts.ledger.balance(workspace),
        refunds=cashier.refunds.listed(order_id=order.id, workspace_id=workspace),
        disputes=cashier.disputes(order_id=order.id, workspace_id=workspace),
    )


def _wanted(parts: Services, workspace: str, order_id: str, session_id: str) -> str:
    """The order's id if it is this workspace's; empty otherwise."""
    try:
        if session_id:
            return parts.cashier.returned(workspace, session_id).id
        return parts.cashier.order(order_id, workspace).id if is_id(order_id, "ord") else ""
    except NotFound:
        return ""
