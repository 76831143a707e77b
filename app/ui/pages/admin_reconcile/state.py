"""What `/admin/reconcile` shows: one run with its differences, and the runs before it."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import parse_qs

import reflex as rx

from app import services
from app.kernel.errors import FareboxError
from app.kernel.ids import is_id
from app.kernel.text import t
from app.payments import desk
from app.reconcile.runs import DONE, Run
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_orders.people import names_of
from app.ui.pages.admin_reconcile.rows import DifferenceRow, RunRow, compared, difference_row, headline, run_row, tone
from app.ui.roles import Role

SHOWN = 40
MOST_DIFFERENCES = 200
LONGEST_EVENT = 255


@dataclass(frozen=True, slots=True)
class _Found:
    runs: list[Run]
    chosen: Run | None
    names: dict[str, str]
    references: dict[str, str]


class ReconcileState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    running: bool = False  # asked for in this tab
    problem: str = ""
    head: str = ""
    tone: str = "neutral"
    detail: str = ""
    is_latest: bool = True
    rows: list[RunRow] = []
    differences: list[DifferenceRow] = []
    more: int = 0
    only_found: bool = False
    _chosen: str = ""

    @rx.event
    async def load(self):
        """A visit; `?run=` shows an earlier one."""
        asked = parse_qs(str(self.router.url.query)).get("run", [""])[0]
        self._chosen, self.problem = (asked if is_id(asked, "rec") else ""), ""
        await self._show()

    @rx.event
    async def show_found(self, chosen: bool):
        """Only runs that found something, or all of them."""
        self.only_found = chosen is True
        await self._show()

    @rx.event(background=True)
    async def run_now(self):
        """Compare everything now; it goes on when the tab is closed."""
        actor = who().user_id
        async with self:
            if self.running:
                return
            self.running, self.problem = True, ""
        problem = ""
        try:
            await services.current().reconcile.run(actor=actor)
        except FareboxError as error:
            problem = error.message
        finally:
            async with self:
                self.running, self.problem, self._chosen = False, problem, ""
                await self._show()

    @rx.event
    async def replay(self, event_id: str):
        """Apply an event once more; nothing is credited twice."""
        house = services.current()
        try:
            await asyncio.to_thread(house.cashier.inbox.replay, str(event_id)[:LONGEST_EVENT])
        except FareboxError as error:
            self.problem = error.message
            return None
        house.wake("payments.apply")
        return toast_done(t("admin_reconcile.replayed"))

    async def _show(self) -> None:
        house = services.current()
        at = house.desk.clock()
        found = await asyncio.to_thread(_read, house, self._chosen, self.only_found)
        self.rows = [run_row(run, at, found.names) for run in found.runs]
        run = found.chosen
        self.is_latest = run is None or not self._chosen
        if run is None:
            self.head, self.tone, self.detail = t("admin_reconcile.head.never"), "neutral", ""
            self.differences, self.more = [], 0
        else:
            self.head, self.tone = headline(run), tone(run)
            said = [t("admin_reconcile.compared", age=present.age(run.started_at, at)), run.error or compared(run)]
            self.detail = ": ".join(part for part in said if part)
            shown = run.differences[:MOST_DIFFERENCES]
            self.differences = [difference_row(one, found.references) for one in shown]
            self.more = len(run.differences) - len(shown)
        self.ready = True


def _read(house: Services, chosen: str, only_found: bool) -> _Found:
    kept = house.reconcile.runs
    runs = kept.latest(SHOWN, found=only_found)
    newest = kept.latest(1)
    wanted = kept.peek(chosen) if chosen else None
    run = wanted or (newest[0] if newest else None)
    if wanted is None and run is not None and run.state == DONE:
        run = kept.standing()
    orders = [one.order_id for one in run.differences if one.order_id] if run else []
    with house.db.read() as connection:
        references = desk.references(connection, orders)
    return _Found(runs, run, names_of(house, [one.actor for one in runs]), references)
