"""Transfers that an operator makes to give money back: noted with the bank's reference, once."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.billing import owed_back
from app.billing.owed_back import Owed, Sending
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_orders.list_state import OrdersState
from app.ui.pages.admin_orders.rows import NO_OWED, OwedRow
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

LONGEST = 200


class SendingState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    one: OwedRow = NO_OWED  # the one whose dialog is open
    reference: str = ""
    problem: str = ""
    busy: bool = False

    @rx.event
    async def begin(self, refund_id: str):
        """Note that a transfer was made."""
        listed = await self.get_state(OrdersState)
        self.one = next((row for row in listed.owed if row["id"] == refund_id), NO_OWED)
        self.reference, self.problem, self.busy = "", "", False

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.one = NO_OWED

    @rx.event
    def write(self, text: str):
        self.reference, self.problem = str(text)[:LONGEST], ""

    @rx.event
    async def confirm(self):
        """It was sent; a second click finds the dialog closed."""
        if not self.one["id"] or self.busy:
            return
        house = services.current()
        self.busy = True
        yield
        try:
            found = await asyncio.to_thread(_find, house, self.one["id"])
            sending = Sending(house.cashier.refunds, house.collecting)
            await sending.sent(found, self.reference, actor=who().user_id)
        except FareboxError as refused:
            self.problem = refused.message
            return
        finally:
            self.busy = False
        self.one = NO_OWED
        house.news.publish(found.workspace_id)
        listed = await self.get_state(OrdersState)
        await listed._show()
        words = t("admin_orders.owed.done", amount=present.fiat(found.amount), customer=found.customer)
        yield toast_done(words)


def _find(house: Services, refund_id: str) -> Owed:
    with house.db.read() as connection:
        return owed_back.find(connection, refund_id)
