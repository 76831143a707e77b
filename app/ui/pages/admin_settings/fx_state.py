"""Exchange rates: what the tax of a sale in another currency comes to in the seller's own."""

import asyncio
from datetime import date
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.text import t
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.roles import Role

FIELDS = ("base", "quote", "rate", "on", "source")
CURRENCIES = ("base", "quote")
LONGEST = 100


class FxRow(TypedDict):
    pair: str
    rate: str
    when: str
    source: str


class FxState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("adding", "values", "errors")

    rates: list[FxRow] = []
    adding: bool = False
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")

    @rx.event
    async def load(self):
        """A visit."""
        await self._show()

    @rx.event
    def opened(self, is_open: bool):
        """The dialog, empty each time."""
        self.adding = is_open is True
        self.values = dict.fromkeys(FIELDS, "")
        self.errors = dict.fromkeys((*FIELDS, ""), "")

    @rx.event
    def write(self, name: str, text: str):
        """What stands in one field."""
        if name in FIELDS:
            self.values[name], self.errors[name] = str(text)[:LONGEST], ""

    @rx.event
    async def add(self):
        """The rate of a day, for orders from now on."""
        if not self.adding:
            return None
        store, actor = services.current().invoicing.rates, who().user_id
        given = {name: text.strip() for name, text in self.values.items()}
        base, quote = (given[name].upper() for name in CURRENCIES)
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        try:
            on = _day(given["on"])
            await asyncio.to_thread(
                lambda: store.set_fx(base, quote, on, given["rate"], source=given["source"], author=actor)
            )
        except FareboxError as refused:
            self.errors[refused.param if refused.param in FIELDS else ""] = refused.message
            return None
        self.adding = False
        await self._show()
        return toast_done(t("admin_settings.fx.added", base=base, rate=given["rate"], quote=quote))

    async def _show(self) -> None:
        found = await asyncio.to_thread(services.current().invoicing.rates.fx_rates)
        self.rates = [
            FxRow(
                pair=t("admin_settings.fx.pair", base=row["base"], quote=row["quote"]),
                rate=str(row["rate"]),
                when=present.day(row["on_day"]),
                source=str(row["source"]),
            )
            for row in found
        ]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(t("admin_orders.wrong.day"), param="on") from None
