"""The account statement of a period: from which balance to which, and the file with every line between."""

import asyncio
from datetime import date, timedelta
from typing import ClassVar
from urllib.parse import urlencode

import reflex as rx

from app import services
from app.generation.account_statement import StatementPage, period_of
from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.guard import PageState, workspace_id
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

LONGEST_DAY = 10


class StatementState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    first: str = ""
    last: str = ""
    opening: str = ""
    closing: str = ""
    error: str = ""
    csv: str = ""

    @rx.event
    async def opened(self, is_open: bool):
        """The dialog starts with the present month."""
        if is_open and not self.first:
            today = services.current().desk.clock().date()
            self.first, self.last = today.replace(day=1).isoformat(), today.isoformat()
        if is_open:
            await self._show()

    @rx.event
    async def choose_first(self, day: str):
        """The first day."""
        self.first = str(day)[:LONGEST_DAY]
        await self._show()

    @rx.event
    async def choose_last(self, day: str):
        """The last day, included."""
        self.last = str(day)[:LONGEST_DAY]
        await self._show()

    async def _show(self) -> None:
        self.error = self.csv = self.opening = self.closing = ""
        try:
            asked = {"from": self.first, "to": after(self.last)}
            found = await asyncio.to_thread(read, services.current(), workspace_id(), asked["from"], asked["to"])
        except InvalidInput:
            self.error = t("balance.statement.wrong")
            return
        self.opening, self.closing = present.credits(found.opening), present.credits(found.closing)
        self.csv = f"/download/account.csv?{urlencode(asked)}"


def after(day: str) -> str:
    """The day behind it: a period ends before its end, people mean the last day with it."""
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        raise InvalidInput("This is no day.", param="to") from None


def read(parts: Services, workspace: str, since: str, until: str) -> StatementPage:
    """The balances at both ends of the period."""
    period = period_of(parts.desk.clock(), since=since, until=until)
    return parts.statements.page(workspace, period, limit=1)
