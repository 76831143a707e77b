"""The table of subscriptions: searched, narrowed, paged."""

import asyncio
from typing import ClassVar, NamedTuple

import reflex as rx
from sqlalchemy import select

from app import services
from app.billing import listing
from app.billing.listing import Listed, Wanted
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.plans import tables as plans
from app.services import Services
from app.ui import present
from app.ui.guard import PageState
from app.ui.pages.admin_subscriptions.rows import ALL, STATES, Choice, SubscriptionRow, state_options, subscription_row
from app.ui.roles import Role

PAGE = 25
LONGEST_SEARCH = 200
MOST_PLANS = 500


class Found(NamedTuple):
    page: list[Listed]
    counts: dict[str, int]
    plans: list[tuple[str, str]]


class SubscriptionsState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    error: str = ""
    has_any: bool = False
    filtered: bool = False
    rows: list[SubscriptionRow] = []
    search: str = ""
    state: str = ALL
    states: list[Choice] = []
    plan: str = ALL
    plans: list[Choice] = []
    start: int = 0
    shown: str = ""
    has_next: bool = False

    @rx.event
    async def load(self):
        """A visit: the filters as they were left, the newest first. `?plan=` narrows to one plan."""
        self.start = 0
        if asked := self.router.url.query_parameters.get("plan", "")[:LONGEST_SEARCH]:
            self.plan = asked
        await self._show()

    @rx.event
    async def look_for(self, text: str):
        """Part of a customer's name or e-mail, or of an id."""
        self.search, self.start = str(text)[:LONGEST_SEARCH].replace("\0", ""), 0
        await self._show()

    @rx.event
    async def choose_state(self, state: str):
        """One state, or all."""
        if state in (ALL, *STATES):
            self.state, self.start = str(state), 0
            await self._show()

    @rx.event
    async def choose_plan(self, plan: str):
        """One plan, or all."""
        if any(option["value"] == plan for option in self.plans):
            self.plan, self.start = str(plan), 0
            await self._show()

    @rx.event
    async def clear(self):
        """All filters off."""
        self.search, self.state, self.plan, self.start = "", ALL, ALL, 0
        await self._show()

    @rx.event
    async def next_page(self):
        if self.has_next:
            self.start += PAGE
            await self._show()

    @rx.event
    async def previous_page(self):
        self.start = max(0, self.start - PAGE)
        await self._show()

    async def _show(self) -> None:
        house = services.current()
        wanted = Wanted(
            self.search, "" if self.state == ALL else self.state, "" if self.plan == ALL else self.plan,
            limit=PAGE + 1, offset=self.start,
        )  # fmt: skip
        try:
            found = await asyncio.to_thread(_read, house, wanted)
        except FareboxError as refused:
            self.error, self.ready = refused.message, True
            return
        at = house.desk.clock()
        self.error, self.has_next = "", len(found.page) > PAGE
        self.rows = [subscription_row(one, at) for one in found.page[:PAGE]]
        self.has_any, self.filtered = any(found.counts.values()), bool(wanted.text or wanted.state or wanted.plan_id)
        self.states = state_options(found.counts)
        if self.state != ALL and self.state not in [each["value"] for each in self.states]:
            self.states = [*self.states, Choice(value=self.state, label=t(f"admin_subscriptions.state.{self.state}"))]
        self.plans = [Choice(value=ALL, label=t("admin_subscriptions.any_plan"))]
        self.plans += [Choice(value=plan_id, label=name) for plan_id, name in found.plans]
        last = self.start + len(self.rows)
        first = present.count(self.start + 1)
        self.shown = t("admin_subscriptions.shown", first=first, last=present.count(last)) if self.rows else ""
        self.ready = True


def _read(house: Services, wanted: Wanted) -> Found:
    plan = plans.plan.c
    named = select(plan.id, plan.name).where(plan.status != plans.DELETED).order_by(plan.name).limit(MOST_PLANS)
    with house.db.read() as connection:
        known = list(connection.execute(named).tuples())
        return Found(listing.page(connection, wanted), listing.counts(connection), known)
