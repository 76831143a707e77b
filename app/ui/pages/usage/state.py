"""What the usage pages show: one month of one meter, for a workspace or for everybody."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

import reflex as rx

from app import services
from app.billing import unrated, usage_report
from app.billing.usage_report import BY, BY_OPERATOR, FIRST_METER, Ask, Report
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.metering.analytics import CUSTOMER
from app.services import Services
from app.ui import present
from app.ui.components import NOT_DRAWN, Drawing, drawing
from app.ui.guard import PageState, workspace_id
from app.ui.pages.usage import rows
from app.ui.pages.usage.rows import ConflictRow, ShareRow, UnratedRow
from app.ui.roles import Role

Option = dict[str, str]
ALL = "all"  # a select has no empty value
LONGEST = 255
FEW = 10  # kinds of events that no price pays for, shown at first; twice as many with each press


class UsageState(PageState):
    """A workspace's own usage."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    error: str = ""
    month: str = ""
    months: list[Option] = []
    meter: str = FIRST_METER
    meters: list[Option] = []
    by: str = "model"
    model: str = ALL
    models: list[Option] = []
    rows: list[ShareRow] = []
    figure: Drawing = NOT_DRAWN
    summary: str = ""
    total: str = ""
    csv: str = ""

    @rx.event
    async def load(self):
        await self._show()

    @rx.event
    async def choose(self, what: str, value: str):
        """A choice of one of the selects."""
        if what in ("month", "meter", "by", "model"):
            setattr(self, what, str(value)[:LONGEST])
        await self._show()

    async def _show(self):
        house = services.current()
        self.month = self.month or usage_report.months(house.desk.clock())[0]
        own, model = workspace_id(), "" if self.model == ALL else self.model
        by = self.by if self.by in BY else "model"
        found = await asyncio.to_thread(_read, house, own, Ask(self.month, self.meter, by, None, model))
        if isinstance(found, str):
            self.error, self.ready = found, True
            return
        self.error, self.rows, self.summary = "", rows.share_rows(found[0]), rows.summary(found[0])
        self.total, self.figure = rows.total_words(found[0]), drawing(rows.figure(found[0], ""))
        self.months, self.meters, self.models = choices(house, found)
        asked = {"month": self.month, "meter": self.meter, "by": by, "model": model}
        self.csv = "/download/usage.csv?" + urlencode(asked)
        self.ready = True


class AdminUsageState(PageState):
    """Everybody's usage, with what no price pays for and what was sent twice."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    error: str = ""
    month: str = ""
    months: list[Option] = []
    meter: str = FIRST_METER
    meters: list[Option] = []
    by: str = "model"
    model: str = ALL
    models: list[Option] = []
    customer: str = ""
    rows: list[ShareRow] = []
    figure: Drawing = NOT_DRAWN
    summary: str = ""
    total: str = ""
    csv: str = ""
    unrated: list[UnratedRow] = []  # as many as are asked for
    more_unrated: str = ""
    conflicts: list[ConflictRow] = []
    conflict_count: int = 0
    looked: bool = False
    _all_unrated: list[UnratedRow] = []
    _unrated_shown: int = FEW

    @rx.event
    async def load(self):
        self._unrated_shown = FEW
        await self._show()
        return AdminUsageState.look_closer

    @rx.event
    async def choose(self, what: str, value: str):
        """A choice of one of the selects, or the customer that is looked for."""
        if what in ("month", "meter", "by", "model", "customer"):
            setattr(self, what, str(value)[:LONGEST])
        await self._show()
        if what == "month":
            return AdminUsageState.look_closer
        return None

    @rx.event
    async def find_customer(self, value: str):
        self.customer = str(value)[:LONGEST]
        await self._show()

    @rx.event(background=True)
    async def look_closer(self):
        """What is not rated, and what came twice: longer than a page may take to open."""
        house = services.current()
        async with self:
            month = self.month
        found, total, twice = await asyncio.to_thread(_doubts, house, month)
        async with self:
            self._all_unrated, self.conflict_count = rows.unrated_rows(found), total
            self.conflicts, self.looked = rows.conflict_rows(twice), True
            self._cut_unrated()

    @rx.event
    def show_more_unrated(self):
        """Twice as many of the kinds of events that no price pays for."""
        self._unrated_shown *= 2
        self._cut_unrated()

    def _cut_unrated(self) -> None:
        self.unrated = self._all_unrated[: self._unrated_shown]
        left = len(self._all_unrated) - len(self.unrated)
        self.more_unrated = t("balance.lots.more", count=present.count(left)) if left else ""

    async def _show(self):
        house = services.current()
        self.month = self.month or usage_report.months(house.desk.clock())[0]
        model, by = "" if self.model == ALL else self.model, self.by if self.by in BY_OPERATOR else "model"
        named = self.customer.strip() or None
        found = await asyncio.to_thread(_read, house, named, Ask(self.month, self.meter, by, None, model))
        if isinstance(found, str):
            self.error, self.ready = found, True
            return
        is_by_customer = by == CUSTOMER
        names = await asyncio.to_thread(_names, house, found[0]) if is_by_customer else {}
        self.error, self.summary, self.total = "", rows.summary(found[0]), rows.total_words(found[0])
        self.rows = rows.share_rows(found[0], names, one_series=is_by_customer)
        self.figure = drawing(rows.figure(found[0], t("usage.everybody") if is_by_customer else ""))
        self.months, self.meters, self.models = choices(house, found)
        asked = {"month": self.month, "meter": self.meter, "by": by, "model": model, "customer": named or ""}
        self.csv = "/download/all-usage.csv?" + urlencode(asked)
        self.ready = True


Found = tuple[Report, Sequence[tuple[str, str]]]


def choices(house: Services, found: Found) -> tuple[list[Option], list[Option], list[Option]]:
    """Months, meters, models."""
    months = [(month, rows.month_name(month)) for month in usage_report.months(house.desk.clock())]
    models = [(ALL, t("usage.every_model")), *((model, model) for model in found[0].models)]
    return rows.options(months), rows.options(found[1]), rows.options(models)


def _read(house: Services, name: str | None, ask: Ask) -> Found | str:
    """The report and the meters to choose from, or what is wrong with the choice. `name` is any name of a customer."""
    house.ingest.catch_up()
    with house.db.read() as connection:
        names = None if name is None else usage_report.any_names_of(connection, name)
        try:
            wanted = Ask(ask.month, ask.meter_id, ask.by, names, ask.model)
            found = usage_report.report(connection, wanted)
        except FareboxError as refused:
            return refused.message
        return found, [(meter.id, rows.meter_name(meter.id, meter.name)) for meter in usage_report.meters(connection)]


def _names(house: Services, found: Report) -> dict[str, str]:
    """What the customers of a report are called."""
    with house.db.read() as connection:
        return usage_report.names_of(connection, [share.value for share in found.shares[: rows.SHOWN]])


def _doubts(house: Services, month: str) -> tuple[list[unrated.Unrated], int, list[tuple[datetime, str, str, str]]]:
    with house.db.read() as connection:
        total, twice = usage_report.conflicts(connection)
        return unrated.find(connection, Ask(month).span()), total, list(twice)
