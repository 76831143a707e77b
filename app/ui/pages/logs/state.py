"""What the log shows and which filters are on."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from urllib.parse import urlencode

import reflex as rx

from app import services
from app.generation import requests, views
from app.generation.requests import Line
from app.generation.used import models_used
from app.generation.views import Filter
from app.kernel.errors import NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.services import Services
from app.ui import wiring
from app.ui.guard import PageState, workspace_id
from app.ui.pages.logs.rows import (
    ALL,
    PERIODS,
    PLAYGROUND,
    STATUSES,
    LogRow,
    Option,
    key_options,
    line_row,
    model_options,
)
from app.ui.paging import Paged
from app.ui.roles import Role

PAGE = 50
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters, checked."""

    status: str = ALL
    model: str = ALL
    key: str = ALL
    period: str = ALL
    search: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    lines: list[Line]
    has_next: bool
    by_id: bool = False


class LogsState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    rows: list[LogRow] = []
    status: str = ALL
    model: str = ALL
    key: str = ALL
    period: str = ALL
    search: str = ""
    models: list[Option] = []
    keys: list[Option] = []
    filtered: bool = False
    csv: str = ""
    _names: dict[str, str] = {}

    @rx.event
    async def load(self):
        """A visit: the filters as they were left, the newest requests."""
        workspace = workspace_id()
        wiring.follow(self, workspace, LogsState.refresh)
        aliases, keys = await asyncio.to_thread(_choices, services.current(), workspace)
        self._names = dict(keys)
        self.models, self.keys = model_options(aliases), key_options(keys)
        self._starts = []
        await self._show()

    @rx.event
    async def refresh(self):
        """Pushed when something happened in the workspace; an older page stays as it is."""
        if self.ready and not self._starts:
            await self._show()

    @rx.event
    async def choose_status(self, chosen: str):
        """Show one status."""
        if chosen in (ALL, *STATUSES):
            self.status = chosen
            await self._from_the_start()

    @rx.event
    async def choose_model(self, chosen: str):
        """Show one model."""
        if any(option["value"] == chosen for option in self.models):
            self.model = chosen
            await self._from_the_start()

    @rx.event
    async def choose_key(self, chosen: str):
        """Show one key, or the playground."""
        if any(option["value"] == chosen for option in self.keys):
            self.key = chosen
            await self._from_the_start()

    @rx.event
    async def choose_period(self, chosen: str):
        """Show the latest hours or days."""
        if chosen in (ALL, *PERIODS):
            self.period = chosen
            await self._from_the_start()

    @rx.event
    async def look_for(self, text: str):
        """Search the prompts, or find a request by any of its ids."""
        self.search = str(text)[:LONGEST_SEARCH]
        await self._from_the_start()

    @rx.event
    async def clear(self):
        """All filters off."""
        self.status = self.model = self.key = self.period = ALL
        self.search = ""
        await self._from_the_start()

    async def _show(self) -> None:
        wanted = Wanted(self.status, self.model, self.key, self.period, self.search.strip())
        start = self._after()
        found = await asyncio.to_thread(find, services.current(), workspace_id(), wanted, start)
        now = services.current().desk.clock()
        self.rows = [line_row(line, now, self._names) for line in found.lines]
        self.csv = _csv_link(wanted, now)
        self.has_next, self.has_previous = found.has_next, bool(self._starts)
        self.filtered = wanted != Wanted()
        self.shown = t("logs.range", **self._range(PAGE)) if self.rows else ""
        if found.by_id:
            self.shown = t("logs.found_by_id")
        self.ready = True


def find(parts: Services, workspace: str, wanted: Wanted, before: str | None) -> Found:
    """A page of the workspace's requests; a search that is somebody's id finds that request alone."""
    with parts.db.read() as connection:
        if wanted.search and (one := views.find_any(connection, wanted.search, workspace)):
            return Found([Line(views.find(connection, one, workspace), None)], has_next=False, by_id=True)
        if is_id(wanted.search, "req"):
            with suppress(NotFound):
                return Found([requests.find(connection, workspace, wanted.search)], has_next=False, by_id=True)
        lines = requests.page(connection, _filter(parts, workspace, wanted, before))
    return Found(lines[:PAGE], has_next=len(lines) > PAGE)


def _csv_link(wanted: Wanted, now: datetime) -> str:
    """The file of exactly what is filtered."""
    period = PERIODS.get(wanted.period)
    chosen = {
        "status": wanted.status if wanted.status != ALL else "",
        "model": wanted.model if wanted.model != ALL else "",
        "key": wanted.key if wanted.key != ALL else "",
        "search": wanted.search,
        "since": (now - period).strftime("%Y-%m-%dT%H:%M:%SZ") if period else "",
    }
    return "/download/requests.csv?" + urlencode({name: value for name, value in chosen.items() if value})


def _filter(parts: Services, workspace: str, wanted: Wanted, before: str | None) -> Filter:
    period = PERIODS.get(wanted.period)
    return Filter(
        workspace_id=workspace,
        model=None if wanted.model == ALL else wanted.model,
        status=None if wanted.status == ALL else wanted.status,
        api_key_id=wanted.key if is_id(wanted.key, "key") else None,
        origin=PLAYGROUND if wanted.key == PLAYGROUND else None,
        search=wanted.search or None,
        since=parts.desk.clock() - period if period else None,
        before=before,
        limit=PAGE + 1,
    )


def _choices(parts: Services, workspace: str) -> tuple[list[str], list[tuple[str, str]]]:
    with parts.db.read() as connection:
        aliases = models_used(connection, workspace)
    keys = parts.accounts.keys.list(workspace, with_revoked=True)
    return aliases, [(key.id, t("logs.key.revoked", name=key.name) if key.is_revoked else key.name) for key in keys]
