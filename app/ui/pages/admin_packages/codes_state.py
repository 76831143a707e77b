"""Redemption codes: made and shown once, listed by their end, stopped."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError
from app.kernel.ids import is_id, new_id
from app.kernel.text import t
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_packages.form import CODE_FIELDS, CodeRow, Values, code_row, count_of, offer_of
from app.ui.paging import Paged
from app.ui.roles import Role

PAGE = 20
LONGEST = 120
WRONG = (*CODE_FIELDS, "")


class CodesState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("making", "values", "errors", "busy", "made", "made_words", "stopping")

    ready: bool = False
    rows: list[CodeRow] = []
    search: str = ""
    making: bool = False
    stamp: str = ""
    values: Values = dict.fromkeys(CODE_FIELDS, "")
    errors: Values = dict.fromkeys(WRONG, "")
    busy: bool = False
    made: str = ""  # the codes just made, a line each: shown once, gone when the dialog closes
    made_words: str = ""
    stopping: str = ""
    stopping_hint: str = ""

    @rx.event
    async def load(self):
        """A visit: from the top, with the search as it was left."""
        await self._from_the_start()

    @rx.event
    async def look_for(self, text: str):
        """Part of a label, or the end of a code."""
        self.search = str(text)[:LONGEST]
        await self._from_the_start()

    @rx.event
    def opened(self, is_open: bool):
        if is_open is not True:
            self._close()
            return
        self.values, self.errors = dict.fromkeys(CODE_FIELDS, ""), dict.fromkeys(WRONG, "")
        self.values |= {"most_claims": "1", "count": "1"}
        self.making, self.stamp, self.made, self.busy = True, new_id("req"), "", False

    @rx.event
    def write(self, name: str, text: str):
        if name in CODE_FIELDS:
            self.values[name] = str(text)[:LONGEST]
            self.errors[name] = ""

    @rx.event
    async def make(self):
        """Random codes, or one of the operator's own choice."""
        if not self.making or self.made or self.busy:
            return
        promo, actor, values = services.current().cashier.promo, who().user_id, dict(self.values)
        self.errors = dict.fromkeys(WRONG, "")
        self.busy = True
        try:
            offer = offer_of(values)
            if values["code"].strip():
                codes = [await asyncio.to_thread(lambda: promo.make_named(values["code"], offer, actor=actor))]
            else:
                count = count_of(values)
                codes = await asyncio.to_thread(lambda: promo.make(offer, actor=actor, count=count))
        except FareboxError as refused:
            named = "code" if refused.stable_code == "code_taken" else refused.param or ""
            self.errors[named if named in WRONG else ""] = refused.message
            return
        finally:
            self.busy = False
        self.made = "\n".join(codes)
        said = present.plural(len(codes), t("admin_packages.code.one"), t("admin_packages.code.many"))
        self.made_words = t("admin_packages.code.made", codes=said, credits=present.credit_words(offer.credits))
        self.search = ""
        await self._from_the_start()

    @rx.event
    def ask_stop(self, code_id: str):
        """Say what stopping means first."""
        found = next((row for row in self.rows if row["id"] == code_id and row["is_on"]), None)
        self.stopping, self.stopping_hint = (found["id"], found["hint"]) if found else ("", "")

    @rx.event
    def stop_opened(self, is_open: bool):
        if not is_open:
            self.stopping = ""

    @rx.event
    async def stop(self):
        """Nobody can claim it any more."""
        if not is_id(self.stopping, "cod"):
            return None
        code_id, self.stopping = self.stopping, ""
        await asyncio.to_thread(services.current().cashier.promo.disable, code_id)
        await self._show()
        return toast_done(t("admin_packages.code.stopped", hint=self.stopping_hint))

    def _close(self) -> None:
        self.making, self.made, self.busy = False, "", False

    async def _show(self) -> None:
        house = services.current()
        search, after = self.search, self._after()
        found = await asyncio.to_thread(lambda: house.cashier.promo.codes(search, after=after, limit=PAGE + 1))
        self.rows = [code_row(code, house.desk.clock()) for code in found[:PAGE]]
        self.has_next, self.has_previous = len(found) > PAGE, after is not None
        self.shown = t("admin_packages.code.shown", **self._range(PAGE)) if self.rows else ""
        self.ready = True
