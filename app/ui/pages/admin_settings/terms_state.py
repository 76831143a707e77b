"""Terms, refund policy and the wording on invoices: drafts here, versions once published."""

import asyncio
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.kernel.errors import FareboxError
from app.kernel.ids import new_id
from app.kernel.text import t
from app.payments.terms import LONGEST_TEXT, TermsVersion
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_orders.people import names_of
from app.ui.roles import Role

FIELDS = ("terms", "refund_policy", "invoice_wording", "note")


class PastRow(TypedDict):
    id: str
    name: str
    who: str
    note: str
    time: str
    live: bool


class TermsState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("confirming", "reading", "reading_text")

    ready: bool = False
    stamp: str = ""
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    past: list[PastRow] = []
    current: str = ""
    act: str = ""
    confirming: bool = False
    reading: str = ""
    reading_text: dict[str, str] = dict.fromkeys(FIELDS, "")

    @rx.event
    async def load(self):
        """A visit: what applies now."""
        await self._show()

    @rx.event
    def write(self, name: str, text: str):
        if name in FIELDS:
            self.values[name], self.errors[name] = str(text)[: LONGEST_TEXT + 1], ""

    @rx.event
    def ask(self, is_open: bool):
        """Say what publishing means first."""
        self.confirming = is_open is True
        self.errors[""] = ""

    @rx.event
    async def publish(self):
        """From now on this is what customers accept."""
        if not self.confirming:
            return None
        terms, actor, values = services.current().cashier.terms, who().user_id, dict(self.values)
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        self.confirming = False
        try:
            made = await asyncio.to_thread(lambda: terms.publish(**values, actor=actor))
        except FareboxError as refused:
            self.errors[refused.param if refused.param in FIELDS else ""] = refused.message
            return None
        await self._show()
        return toast_done(t("admin_settings.terms.published", name=made.name))

    @rx.event
    async def read(self, version_id: str):
        """An earlier version, as it was accepted."""
        found = await asyncio.to_thread(services.current().cashier.terms.history)
        one = next((each for each in found if each.id == version_id), None)
        if one is not None:
            self.reading = one.name
            self.reading_text = {name: getattr(one, name) for name in FIELDS}

    @rx.event
    def read_opened(self, is_open: bool):
        if not is_open:
            self.reading = ""

    async def _show(self) -> None:
        house = services.current()
        found = await asyncio.to_thread(house.cashier.terms.history)
        names = await asyncio.to_thread(names_of, house, [one.author for one in found])
        latest = found[0] if found else None
        self.values = {name: getattr(latest, name) if latest and name != "note" else "" for name in FIELDS}
        self.stamp, self.current = new_id("req"), latest.name if latest else ""
        self.act = t("admin_settings.terms.publish", number=latest.number + 1 if latest else 1)
        self.past = [_row(one, names, one is latest) for one in found]
        self.ready = True


def _row(one: TermsVersion, names: dict[str, str], live: bool) -> PastRow:
    return {
        "id": one.id,
        "name": one.name,
        "who": names.get(one.author, t("admin_orders.system")),
        "note": one.note,
        "time": present.full_moment(one.published_at).rsplit(":", 1)[0],
        "live": live,
    }
