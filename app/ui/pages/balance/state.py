"""What the balance page shows: the figures, a period of spending, a page of the ledger, the lots."""

import asyncio
from typing import ClassVar, NamedTuple
from urllib.parse import urlencode

import reflex as rx

from app import services
from app.generation.report import KEY_OF, MODEL_OF, Spending, spending
from app.generation.statement import ALL, KINDS, Line, Show, lines, months
from app.kernel.text import t
from app.ledger.asides import FreezeView, freezes
from app.ledger.reads import Cursor
from app.ledger.standing import Standing, standing
from app.payments.lots import BoughtLot, bought_lots
from app.payments.topup_settings import TopupView
from app.services import Services
from app.ui import present, wiring
from app.ui.components import NOT_DRAWN, Drawing, drawing
from app.ui.guard import PageState, workspace_id
from app.ui.pages.balance.figures import NO_FIGURES, Figures, LotRow, figures, lot_rows
from app.ui.pages.balance.ledger import ALL_TIME, LedgerRow, Option, ledger_row, month_options
from app.ui.pages.balance.spend import DayRow, ModelShare, draw
from app.ui.pages.balance.trouble import Trouble, auto_words, troubles
from app.ui.roles import Role

PAGE = 20
LOTS = 8  # shown at first, and more with each press
PERIODS = ("7", "30", "90")
#: "Lasts about" is an average over this many days, whatever the chart shows.
OUTLOOK_DAYS = 30


class Overview(NamedTuple):
    stands: Standing
    outlook: Spending
    shown: Spending
    months: list[str]
    freezes: list[FreezeView]
    bought: dict[str, BoughtLot]
    topup: TopupView | None
    names: dict[str, str]  # of keys, by id; the playground's is empty

    def called(self, one: str) -> str:
        """What a reader calls a model or a key."""
        return self.names.get(one, one)


class BalanceState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    figures: Figures = NO_FIGURES
    lots: list[LotRow] = []  # as many as are asked for
    more_lots: str = ""
    troubles: list[Trouble] = []
    auto_offered: bool = False  # only where cards are taken
    auto: str = ""  # automatic top-up in a few words
    auto_tone: str = "neutral"

    period: str = "30"
    by: str = MODEL_OF
    chart: Drawing = NOT_DRAWN
    series: list[str] = []
    shares: list[ModelShare] = []
    days: list[DayRow] = []
    spent: str = ""
    summary: str = ""
    nothing_spent: bool = False

    rows: list[LedgerRow] = []
    show: str = ALL
    month: str = ALL_TIME
    month_choices: list[Option] = []
    shown: str = ""
    has_previous: bool = False
    has_next: bool = False
    csv: str = ""
    _lots_shown: int = LOTS
    _starts: list[Cursor] = []  # where each earlier page ended

    @rx.event
    async def load(self):
        """A visit: everything, the newest entries."""
        wiring.follow(self, workspace_id(), BalanceState.refresh)
        self._starts, self._lots_shown = [], LOTS
        await self._show_overview()
        await self._show_ledger()
        self.ready = True

    @rx.event
    async def refresh(self):
        """Pushed when credits moved; an older page of the ledger stays as it is."""
        if not self.ready:
            return
        await self._show_overview()
        if not self._starts:
            await self._show_ledger()

    @rx.event
    async def choose_period(self, chosen: str):
        """7, 30 or 90 days of spending."""
        if chosen in PERIODS:
            self.period = chosen
            await self._show_overview()

    @rx.event
    async def choose_by(self, chosen: str):
        """Spending by model, or by key."""
        if chosen in (MODEL_OF, KEY_OF):
            self.by = chosen
            await self._show_overview()

    @rx.event
    async def show_more_lots(self):
        """Some that are used later; each press as many as stood there."""
        self._lots_shown *= 2
        await self._show_overview()

    @rx.event
    async def choose_show(self, chosen: str):
        """One kind of entry, or all."""
        if chosen in KINDS:
            self.show = chosen
            await self._from_the_start()

    @rx.event
    async def choose_month(self, chosen: str):
        """One month, or all time."""
        if any(option["value"] == chosen for option in self.month_choices):
            self.month = chosen
            await self._from_the_start()

    @rx.event
    async def next_page(self):
        """Older entries."""
        if not self.has_next:
            return
        found = await asyncio.to_thread(_lines, services.current(), workspace_id(), self._wanted(), self._start(), PAGE)
        if found:
            self._starts = [*self._starts, found[-1].row.cursor]
            await self._show_ledger()

    @rx.event
    async def previous_page(self):
        """Newer entries."""
        if self._starts:
            self._starts = self._starts[:-1]
            await self._show_ledger()

    async def _from_the_start(self) -> None:
        self._starts = []
        await self._show_ledger()

    def _wanted(self) -> Show:
        return Show(self.show, None if self.month == ALL_TIME else self.month)

    def _start(self) -> Cursor | None:
        return self._starts[-1] if self._starts else None

    async def _show_overview(self) -> None:
        parts = services.current()
        overview = await asyncio.to_thread(_overview, parts, workspace_id(), int(self.period), self.by)
        now = parts.desk.clock()
        self.figures = figures(overview.stands, overview.outlook)
        self.lots = lot_rows(overview.stands, now, overview.bought, self._lots_shown)
        left = len(overview.stands.lots) - len(self.lots)
        self.more_lots = t("balance.lots.more", count=present.count(left)) if left else ""
        self.troubles = troubles(overview.stands.balance, overview.freezes)
        self.auto_offered = parts.cashier.takes_cards
        self.auto, self.auto_tone = auto_words(overview.topup)
        self.month_choices = month_options(overview.months)
        drawn = draw(overview.shown, overview.called)
        self.chart, self.series = drawing(drawn.figure), drawn.names
        self.shares, self.days = drawn.shares, drawn.table
        self.spent, self.summary, self.nothing_spent = drawn.total, drawn.summary, drawn.is_empty

    async def _show_ledger(self) -> None:
        parts, wanted = services.current(), self._wanted()
        found = await asyncio.to_thread(_lines, parts, workspace_id(), wanted, self._start(), PAGE + 1)
        now = parts.desk.clock()
        self.rows = [ledger_row(line, now) for line in found[:PAGE]]
        self.has_next, self.has_previous = len(found) > PAGE, bool(self._starts)
        first = len(self._starts) * PAGE + 1
        self.shown = t("balance.ledger.range", first=first, last=first + len(self.rows) - 1) if self.rows else ""
        asked = {"show": wanted.what} | ({"month": wanted.month} if wanted.month else {})
        self.csv = f"/download/statement.csv?{urlencode(asked)}"


def _overview(parts: Services, workspace: str, days: int, by: str) -> Overview:
    now = parts.desk.clock()
    with parts.db.read() as connection:
        stands = standing(connection, workspace, now)
        outlook = spending(connection, workspace, now, OUTLOOK_DAYS)
        is_outlook = days == OUTLOOK_DAYS and by == MODEL_OF
        shown = outlook if is_outlook else spending(connection, workspace, now, days, by)
        found = months(connection, workspace, now)
        frozen, bought = freezes(connection, workspace), bought_lots(connection, workspace)
    topup = parts.cashier.topups.of(workspace) if parts.cashier.takes_cards else None
    names = key_names(parts, workspace) if by == KEY_OF else {}
    return Overview(stands, outlook, shown, found, frozen, bought, topup, names)


def key_names(parts: Services, workspace: str) -> dict[str, str]:
    """The keys by id, told apart by their last letters where they are called the same."""
    keys = parts.accounts.keys.list(workspace, with_revoked=True)
    names = [key.name for key in keys]
    called = {key.id: f"{key.name} …{key.hint}" if names.count(key.name) > 1 else key.name for key in keys}
    return {"": t("balance.spend.playground"), **called}


def _lines(parts: Services, workspace: str, wanted: Show, after: Cursor | None, limit: int) -> list[Line]:
    with parts.db.read() as connection:
        return lines(connection, workspace, wanted, after=after, limit=limit)
