"""Beside buying: redeeming a code, and asking for a quote."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, InvalidInput, Rejected
from app.kernel.text import t
from app.payments.enquiries import Asked
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

LONGEST = 200
LONGEST_MESSAGE = 4_000
FIELDS = ("name", "email", "company", "message")


class RedeemState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    code: str = ""
    error: str = ""
    done: str = ""
    busy: bool = False

    @rx.event
    async def write(self, code: str):
        """What stands in the field."""
        self.code = str(code)[:LONGEST]
        self.error = ""

    @rx.event
    async def redeem(self):
        """Claim the code for the workspace."""
        if self.busy:
            return
        if not self.code.strip():
            self.error = t("top_up.redeem.empty")
            return
        self.busy, self.error, self.done = True, "", ""
        yield
        try:
            given = await services.current().cashier.promo.redeem(workspace_id(), self.code, actor=who().user_id)
        except Rejected as refused:
            self.error = refused.message
            return
        finally:
            self.busy = False
        self.code = ""
        credits = present.credit_words(given.credits)
        until = present.date(given.expires_at) if given.expires_at else ""
        self.done = (
            t("top_up.redeem.done_until", credits=credits, label=given.label, date=until)
            if until
            else t("top_up.redeem.done", credits=credits, label=given.label)
        )
        services.current().news.publish(workspace_id())


class EnquiryState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    is_open: bool = False
    busy: bool = False
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    _package_id: str = ""

    @rx.event
    async def open_for(self, package_id: str):
        """The dialog, about this package."""
        person = who()
        self._package_id = str(package_id)[:LONGEST]
        known = {"name": person.name, "email": person.email, "company": person.workspace_name or ""}
        self.values = dict.fromkeys(FIELDS, "") | known
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        self.is_open = True

    @rx.event
    async def close(self, is_open: bool):
        """The dialog was closed."""
        if not is_open:
            self.is_open = False

    @rx.event
    async def write(self, field: str, text: str):
        """What stands in one of the fields."""
        if field in FIELDS:
            self.values = {**self.values, field: str(text)[:LONGEST_MESSAGE]}
            self.errors = {**self.errors, field: ""}

    @rx.event
    async def send(self):
        """Put the question into the operators' queue."""
        if not self.is_open or self.busy:
            return
        self.busy = True
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        yield
        asked = Asked(**self.values, package_id=self._package_id or None, workspace_id=workspace_id())
        try:
            await asyncio.to_thread(services.current().cashier.enquiries.ask, asked, actor=who().user_id)
        except FareboxError as refused:
            place = refused.param if isinstance(refused, InvalidInput) and refused.param in FIELDS else ""
            self.errors = {**self.errors, place or "": refused.message}
            return
        finally:
            self.busy = False
        self.is_open = False
        yield toast_done(t("top_up.enquiry.sent"))
