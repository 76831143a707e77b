"""The mirror: looked at, sent again, paired, backfilled."""

import asyncio
from datetime import UTC, datetime
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_mirror.rows import (
    NO_HEAD,
    FeedRow,
    Head,
    PairRow,
    RefusedRow,
    feed_row,
    head,
    pair_row,
    refused_row,
)
from app.ui.roles import Role

LONGEST = 200
SEND, COMPARE = "mirror.send", "mirror.compare"


class MirrorState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("asking", "since", "plan", "plan_there", "problem")

    ready: bool = False
    is_on: bool = False
    is_elsewhere: bool = False
    url: str = ""
    takes_hooks: bool = False
    hook_url: str = ""
    head: Head = NO_HEAD
    error: str = ""
    retry: str = ""
    refused: list[RefusedRow] = []
    feeds: list[FeedRow] = []
    pairs: list[PairRow] = []
    asking: str = ""  # which dialog is open: backfill, plan, anew
    since: str = ""
    plan: str = ""
    plan_there: str = ""
    problem: str = ""

    @rx.event
    async def load(self):
        """A visit."""
        await self._show()
        self.ready = True

    @rx.event
    async def look(self):
        """How it stands now."""
        await self._show()

    # ---- again ----

    @rx.event
    async def send_again(self, kind: str, our_id: str):
        """Try one refused thing once more."""
        if not any(row["kind"] == kind and row["our_id"] == our_id for row in self.refused):
            return None
        return await self._again(kind, our_id)

    @rx.event
    async def send_all_again(self):
        """Try everything that waits for an operator once more."""
        return await self._again(None, None)

    async def _again(self, kind: str | None, our_id: str | None) -> object:
        house = services.current()
        try:
            await asyncio.to_thread(house.mirror.again, kind, our_id)
        except FareboxError as refused:
            self.problem = refused.message
            await self._show()
            return None
        _wake(house, SEND)
        await self._show()
        return toast_done(t("admin_mirror.again_done"))

    @rx.event
    async def compare(self):
        """Ask the remote what everything comes to there."""
        _wake(services.current(), COMPARE)
        return toast_done(t("admin_mirror.comparing"))

    # ---- dialogs ----

    @rx.event
    async def ask(self, what: str):
        """Open a dialog."""
        if what in ("backfill", "anew"):
            self.asking, self.since, self.problem = what, "", ""

    @rx.event
    async def ask_plan(self, our_id: str):
        """Open the dialog that names a plan's counterpart."""
        if any(row["is_plan"] and row["our_id"] == our_id for row in self.refused):
            self.asking, self.plan, self.plan_there, self.problem = "plan", our_id, "", ""

    @rx.event
    async def asked(self, is_open: bool):
        """A dialog was closed."""
        if not is_open:
            self.asking = ""

    @rx.event
    async def write_since(self, text: str):
        """The day in the field, such as 2026-11-01."""
        self.since, self.problem = str(text)[:LONGEST], ""

    @rx.event
    async def write_plan(self, text: str):
        """The id of the plan there."""
        self.plan_there, self.problem = str(text).strip()[:LONGEST], ""

    @rx.event
    async def backfill(self):
        """Send earlier usage, from the day on."""
        try:
            since = datetime.strptime(self.since, "%Y-%m-%d").replace(tzinfo=UTC) if self.since else None
        except ValueError:
            self.problem = t("admin_mirror.backfill.wrong_day")
            return None
        house = services.current()
        try:
            await asyncio.to_thread(house.mirror.backfill, since, who().user_id)
        except FareboxError as refused:
            self.problem = refused.message
            return None
        _wake(house, SEND)
        return await self._done(t("admin_mirror.backfill.done"))

    @rx.event
    async def pair(self):
        """Say which plan there is ours."""
        if not self.plan or not self.plan_there:
            self.problem = t("admin_mirror.plan.missing")
            return None
        house = services.current()
        try:
            await asyncio.to_thread(house.mirror.pair_plan, self.plan, self.plan_there, who().user_id)
        except FareboxError as refused:
            self.problem = refused.message
            return None
        _wake(house, SEND)
        return await self._done(t("admin_mirror.plan.done"))

    @rx.event
    async def begin_anew(self):
        """Forget the ids of the remote there was."""
        house = services.current()
        if self.is_elsewhere:
            await asyncio.to_thread(house.mirror.begin_anew, who().user_id)
            _wake(house, SEND)
        return await self._done(t("admin_mirror.anew.done"))

    async def _done(self, said: str) -> object:
        self.asking = ""
        await self._show()
        return toast_done(said)

    async def _show(self) -> None:
        house = services.current()
        mirror = house.mirror
        self.is_on, self.url, self.takes_hooks = mirror.is_on, mirror.url, mirror.takes_hooks
        self.hook_url = f"{house.settings.public_url}/hooks/flexprice"
        if not self.is_on:
            return
        now = house.desk.clock()
        standing, pairs, refused, self.is_elsewhere = await asyncio.to_thread(
            lambda: (mirror.standing(), mirror.pairs(), mirror.refused(), mirror.is_elsewhere)
        )
        self.head = head(standing, pairs, now)
        self.error = standing.error or ""
        self.retry = present.full_moment(standing.retry_at) if standing.retry_at else ""
        self.refused = [refused_row(row, now) for row in refused]
        self.feeds = [feed_row(feed, now) for feed in standing.feeds]
        self.pairs = [pair_row(pair, now) for pair in pairs]


def _wake(house: Services, chore: str) -> None:
    """Without a mirror there is no such chore."""
    if house.mirror.is_on:
        house.wake(chore)
