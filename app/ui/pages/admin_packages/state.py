"""Packages: their versions are published, shown, ordered, taken off sale and put back."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.kernel.text import t
from app.payments.packages import Content, Kind, Package
from app.ui import present
from app.ui.components import toast_done, var
from app.ui.guard import PageState, who
from app.ui.pages.admin_orders.people import names_of
from app.ui.pages.admin_packages.form import (
    FIELDS,
    KINDS,
    PackageRow,
    PreviewPrice,
    PriceField,
    Values,
    VersionRow,
    content_of,
    currency_of,
    lasts,
    package_row,
    previews,
    values_of,
    version_row,
)
from app.ui.roles import Role

LONGEST = 400
MOST_CURRENCIES = 12
WRONG = (*FIELDS, "prices", "currency", "")


class PackagesState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = (
        "editing",
        "values",
        "prices",
        "errors",
        "busy",
        "preview",
        "preview_prices",
        "past_of",
    )

    ready: bool = False
    rows: list[PackageRow] = []
    editing: str = ""  # "new", or the package whose form is open
    stamp: str = ""
    kind: str = KINDS[0]
    title: str = ""
    values: Values = dict.fromkeys(FIELDS, "")
    prices: list[PriceField] = []
    more: str = ""
    errors: Values = dict.fromkeys(WRONG, "")
    act: str = ""
    busy: bool = False
    preview: dict[str, str] = {"title": "", "summary": "", "credits": "", "bonus": "", "lasts": ""}
    preview_prices: list[PreviewPrice] = []
    past: list[VersionRow] = []
    past_of: str = ""

    @rx.event
    async def load(self):
        """A visit."""
        await self._show()

    # ---- the form ----

    @rx.event
    async def edit(self, package_id: str):
        """Open the form of a package, or of a new one."""
        found = await self._find(package_id)
        if found is None and package_id != "new":
            return
        self.editing, self.stamp, self.busy = package_id, new_id("req"), False
        self.kind = str(found.kind) if found else KINDS[0]
        self.values, self.prices = values_of(found)
        self.errors, self.more = dict.fromkeys(WRONG, ""), ""
        self.title = t("admin_packages.form.edit", name=found.content.title) if found else t("admin_packages.form.new")
        self.act = (
            t("admin_packages.form.publish", number=found.number + 1) if found else t("admin_packages.form.create")
        )
        self._draw()

    @rx.event
    def opened(self, is_open: bool):
        if not is_open:
            self.editing = ""

    @rx.event
    def choose_kind(self, kind: str):
        """Only of a new package: a package keeps its kind."""
        if self.editing == "new" and kind in KINDS:
            self.kind = kind
            self._draw()

    @rx.event
    def write(self, name: str, text: str):
        if name in FIELDS:
            self.values[name] = str(text)[:LONGEST]
            self.errors[name] = ""
            self._draw()

    @rx.event
    def write_price(self, currency: str, text: str):
        for each in self.prices:
            if each["currency"] == currency:
                each["text"] = str(text)[:40]
        self.errors["prices"] = ""
        self._draw()

    @rx.event
    def name_currency(self, text: str):
        self.more, self.errors["currency"] = str(text)[:8], ""

    @rx.event
    def add_currency(self):
        """One more currency to sell in."""
        try:
            code = currency_of(self.more)
        except InvalidInput as wrong:
            self.errors["currency"] = wrong.message
            return
        if len(self.prices) < MOST_CURRENCIES and all(each["currency"] != code for each in self.prices):
            self.prices = [*self.prices, {"currency": code, "text": ""}]
        self.more, self.stamp = "", new_id("req")

    @rx.event
    async def publish(self):
        """Put the version on sale; open orders keep the one they were made from."""
        if not self.editing or self.busy:
            return None
        packages, actor = services.current().cashier.packages, who().user_id
        package_id = None if self.editing == "new" else self.editing
        self.errors = dict.fromkeys(WRONG, "")
        self.busy = True
        try:
            content = content_of(self.kind, self.values, self.prices)
            made = await asyncio.to_thread(
                lambda: packages.publish(
                    content, kind=Kind(self.kind), package_id=package_id, note=self.values["note"], actor=actor
                )
            )
        except FareboxError as refused:
            self.errors[refused.param if refused.param in WRONG else ""] = refused.message
            return None
        finally:
            self.busy = False
        self.editing = ""
        await self._show()
        return toast_done(t("admin_packages.published", name=made.content.title, number=made.number))

    # ---- on and off, order, history ----

    @rx.event
    async def switch(self, package_id: str):
        """Take off sale, or put back; Undo does the opposite."""
        found = await self._find(package_id)
        if found is None:
            return None
        packages, off = services.current().cashier.packages, not found.is_archived
        await asyncio.to_thread(lambda: packages.archive(found.id, archived=off))
        await self._show()
        said = t("admin_packages.off" if off else "admin_packages.on", name=found.content.title)
        return toast_done(said, undo=var(PackagesState.switch)(found.id), about=f"package-{found.id}")

    @rx.event
    async def move(self, package_id: str, step: int):
        """One place up or down in what customers see."""
        ids = [row["id"] for row in self.rows]
        if package_id not in ids or step not in (-1, 1):
            return
        at = ids.index(package_id)
        if not 0 <= at + step < len(ids):
            return
        ids[at], ids[at + step] = ids[at + step], ids[at]
        await asyncio.to_thread(services.current().cashier.packages.reorder, ids)
        await self._show()

    @rx.event
    async def show_past(self, package_id: str):
        """Every version of a package."""
        found = await self._find(package_id)
        if found is None:
            return
        house = services.current()
        versions = await asyncio.to_thread(house.cashier.packages.history, found.id)
        names = await asyncio.to_thread(names_of, house, [one.author for one in versions])
        self.past = [version_row(one, names.get(one.author, t("admin_orders.system"))) for one in versions]
        self.past_of = found.content.title

    @rx.event
    def past_opened(self, is_open: bool):
        if not is_open:
            self.past_of = ""

    # ---- inside ----

    async def _show(self) -> None:
        found = await asyncio.to_thread(services.current().cashier.packages.all)
        self.rows = [package_row(one) for one in found]
        self.ready = True

    async def _find(self, package_id: str) -> Package | None:
        found = await asyncio.to_thread(services.current().cashier.packages.all)
        return next((one for one in found if one.id == package_id), None)

    def _draw(self) -> None:
        """The customer's card from what is typed so far; what cannot be read yet is left out."""
        content = Content(self.values["title"], self.values["summary"])
        try:
            content = content_of(self.kind, self.values, self.prices)
        except InvalidInput:
            self.preview_prices = []
        else:
            self.preview_prices = previews(content)
        bonus = content.bonus if isinstance(content.bonus, Money) and content.bonus else None
        self.preview = {
            "title": self.values["title"] or t("admin_packages.form.untitled"),
            "summary": self.values["summary"],
            "credits": present.credits(content.credits) if content.credits else "",
            "bonus": t("admin_packages.bonus", credits=present.credits(bonus)) if bonus else "",
            "lasts": lasts(content.expires_days),
        }
