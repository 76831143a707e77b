"""The mail about a low balance: shown to everybody, switched and set by an owner."""

import asyncio
from decimal import Decimal, InvalidOperation
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import InvalidInput
from app.kernel.money import Money, plain
from app.kernel.text import t
from app.notify.alerts import BalanceAlert
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.roles import Role, may
from app.ui.visits import EVERYTHING

LONGEST = 20


class AlertState(PageState):
    """What everybody sees."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    is_on: bool = False
    words: str = ""
    may_edit: bool = False

    @rx.event
    async def load(self):
        """A visit."""
        alert = await asyncio.to_thread(services.current().notify.alerts.of, workspace_id())
        self.may_edit = may(who(), Role.OWNER)
        self._tell(alert)
        self.ready = True

    def _tell(self, alert: BalanceAlert) -> None:
        self.is_on = alert.enabled
        self.words = t(f"balance.alert.{'on' if alert.enabled else 'off'}", credits=present.credits(alert.threshold))


class AlertOwnerState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    is_open: bool = False
    threshold: str = ""
    error: str = ""

    @rx.event
    async def switch(self, on: bool):
        """Write a mail, or none."""
        alert = await asyncio.to_thread(services.current().notify.alerts.of, workspace_id())
        await self._save(alert.threshold if alert.is_own else None, enabled=bool(on))

    @rx.event
    async def open_edit(self, is_open: bool):
        """The dialog for the threshold."""
        self.is_open, self.error = bool(is_open), ""
        if self.is_open:
            alert = await asyncio.to_thread(services.current().notify.alerts.of, workspace_id())
            self.threshold = plain(alert.threshold.amount)

    @rx.event
    async def write(self, text: str):
        """What stands in the field."""
        self.threshold, self.error = str(text)[:LONGEST], ""

    @rx.event
    async def save(self):
        """Tell the owners once the balance falls below this."""
        if not self.is_open:
            return None
        try:
            await self._save(read_credits(self.threshold), enabled=True)
        except InvalidInput:
            self.error = t("balance.alert.wrong")
            return None
        self.is_open = False
        return toast_done(t("balance.alert.saved"))

    async def _save(self, threshold: Money | None, *, enabled: bool) -> None:
        alerts, workspace = services.current().notify.alerts, workspace_id()
        await asyncio.to_thread(alerts.save, workspace, threshold, enabled=enabled)
        shown = await self.get_state(AlertState)
        shown._tell(await asyncio.to_thread(alerts.of, workspace))


def read_credits(text: str) -> Money:
    """`20,000` or `0.5` as credits; `InvalidInput` for what is no amount."""
    try:
        amount = Decimal(text.replace(",", "").replace(" ", ""))
        return Money.from_exact(amount)
    except (InvalidOperation, ValueError, OverflowError):
        raise InvalidInput("This is no amount of credits.", param="threshold") from None
