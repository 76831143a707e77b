"""Whose name a customer's invoices carry, and what an operator decides about their tax."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import InvalidInput
from app.kernel.ids import is_id
from app.kernel.text import t
from app.services import Services
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.billing.state import Billing, billing_of
from app.ui.pages.billing.words import NO_PROFILE, NO_TAX, ProfileCard, TaxWords, profile_card, tax_words
from app.ui.roles import Role

#: Of a VAT id: confirmed or not. Of tax: an exemption accepted or ended.
CONFIRM, REJECT, EXEMPT, END = ACTS = ("confirm", "reject", "exempt", "end")
LONGEST = 200


class CustomerBillingState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("doing", "note", "error", "title", "words")

    has_profile: bool = False
    profile: ProfileCard = NO_PROFILE
    tax: TaxWords = NO_TAX
    exempt: str = ""  # why, as it is printed
    doing: str = ""
    note: str = ""
    error: str = ""
    title: str = ""
    words: str = ""

    @rx.event
    async def load(self):
        """A visit of the customer's page."""
        await self._show()

    @rx.event
    async def begin(self, act: str):
        """Ask before it is decided."""
        possible = self.profile["tax_id"] != "" if act in (CONFIRM, REJECT) else (self.exempt == "") is (act == EXEMPT)
        if act not in ACTS or not self.has_profile or not possible:
            return
        self.doing, self.note, self.error = act, "", ""
        self.title, self.words = t(f"admin_customers.billing.{act}"), t(f"admin_customers.billing.{act}_words")

    @rx.event
    async def opened(self, is_open: bool):
        """The dialog was closed."""
        if not is_open:
            self.doing = ""

    @rx.event
    async def write(self, text: str):
        """What it is decided on."""
        self.note, self.error = str(text)[: LONGEST + 1], ""

    @rx.event
    async def decide(self):
        """Orders from now on follow it; what was invoiced stays."""
        if self.doing not in ACTS:
            return None
        parts, workspace, act = services.current(), self._workspace(), self.doing
        try:
            await asyncio.to_thread(_decide, parts, workspace, act, self.note, who().user_id)
        except InvalidInput as refused:
            self.error = refused.message
            return None
        self.doing = ""
        parts.news.publish(workspace)
        await self._show()
        return toast_done(t(f"admin_customers.billing.{act}_done"))

    async def _show(self) -> None:
        found = await asyncio.to_thread(_read, services.current(), self._workspace())
        self.has_profile = found.profile is not None
        self.profile = profile_card(found.profile.buyer) if found.profile else NO_PROFILE
        self.exempt = found.profile.buyer.exempt_reason if found.profile else ""
        self.tax = tax_words(found.tax) if found.tax else NO_TAX

    def _workspace(self) -> str:
        return self.router.url.path.rstrip("/").rpartition("/")[2]


def _read(parts: Services, workspace: str) -> Billing:
    return billing_of(parts, workspace) if is_id(workspace, "ws") else Billing(None, None)


def _decide(parts: Services, workspace: str, act: str, note: str, actor: str) -> None:
    if act in (CONFIRM, REJECT):
        parts.invoicing.confirm_tax_id(workspace, valid=act == CONFIRM, actor=actor, note=note)
    else:
        parts.invoicing.exempt(workspace, note if act == EXEMPT else None, actor=actor)
