"""How invoices are paid: what is open, each with its page at the provider, and the card they are charged to."""

import asyncio
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.payments.consent import INVOICES_WORDING, Consent
from app.ui import wiring
from app.ui.components import link_button, panel, plain_link, row, switch_row, toast_done, var
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.invoices.paying_rows import BillRow, bill_row, card_of, setting_words
from app.ui.roles import Role, may


class PayingState(PageState):
    """What everybody in the workspace sees."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    bills: list[BillRow] = []
    card: str = ""  # such as "Visa 4242"
    sentence: str = ""
    is_on: bool = False
    why_off: str = ""
    may_edit: bool = False

    @rx.event
    async def load(self):
        """A visit."""
        wiring.follow(self, workspace_id(), PayingState.refresh)
        self.may_edit = may(who(), Role.OWNER)
        await self.show()

    @rx.event
    async def refresh(self):
        """Pushed when something of the workspace changed."""
        await self.show()

    async def show(self) -> None:
        """As it stands now."""
        parts, workspace = services.current(), workspace_id()
        by_card = parts.cashier.takes_cards
        bills = await asyncio.to_thread(parts.collecting.open_bills, workspace)
        setting = await asyncio.to_thread(parts.collecting.of, workspace)
        cards = await asyncio.to_thread(parts.cashier.saved_cards, workspace)
        self.bills = [bill_row(bill, by_card=by_card) for bill in bills]
        card = card_of(setting, cards) if by_card else None
        self.card = card.text if card else ""
        self.sentence = await asyncio.to_thread(parts.collecting.sentence, workspace, card.id) if card else ""
        self.is_on, self.why_off = bool(setting and setting.is_on), setting_words(setting)


class PayingOwnerState(PageState):
    """What an owner agrees to."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER

    @rx.event
    async def switch(self, on: bool):
        """On agrees to the sentence beside it; off stops it at once."""
        parts, workspace = services.current(), workspace_id()
        try:
            if on:
                cards = await asyncio.to_thread(parts.cashier.saved_cards, workspace)
                card = card_of(None, cards)
                consent = Consent(INVOICES_WORDING, who().user_id, self.router.session.client_ip)
                await parts.collecting.turn_on(workspace, card.id if card else "", consent)
            else:
                await asyncio.to_thread(parts.collecting.turn_off, workspace, actor=who().user_id)
        except FareboxError as refused:
            (await self.get_state(PayingState)).why_off = refused.message
            return None
        parts.news.publish(workspace)
        await (await self.get_state(PayingState)).show()
        return toast_done(t("invoices.paying.on" if on else "invoices.paying.off"))


def paying_panel() -> rx.Component:
    """Shown where there is something to pay, or a card to pay it with."""
    return rx.cond(
        (var(PayingState.bills).length() > 0) | (PayingState.card != ""),
        panel(
            t("invoices.paying.title"),
            rx.foreach(PayingState.bills, _bill),
            rx.cond((PayingState.card != "") & PayingState.may_edit, _switch()),
            rx.cond(PayingState.why_off != "", rx.el.p(PayingState.why_off, class_name="fb-small")),
            custom_attrs={"data-testid": "paying"},
        ),
    )


def _bill(item: Any) -> rx.Component:
    return row(
        rx.el.span(
            plain_link(item["number"], href=item["href"], class_name="fb-mono fb-medium"),
            rx.el.span(item["until"], class_name="fb-small"),
            class_name="flex flex-col flex-1 min-w-0",
        ),
        rx.el.span(item["amount"], class_name="fb-num fb-medium"),
        rx.cond(
            item["link"] != "",
            link_button(t("invoices.paying.pay"), href=item["link"], native=True, custom_attrs={"data-testid": "pay"}),
        ),
        class_name="fb-bill",
    )


def _switch() -> rx.Component:
    return switch_row(
        t("invoices.paying.by_itself"),
        checked=PayingState.is_on,
        on_change=var(PayingOwnerState).switch,
        detail=PayingState.sentence,
        custom_attrs={"data-testid": "charge-invoices"},
    )
