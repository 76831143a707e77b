"""The endpoints of a workspace and the log of what was sent to them: what everybody in it sees."""

import asyncio
from typing import Any, ClassVar

import reflex as rx

from app import services
from app.kernel import events
from app.kernel.errors import NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.notify.webhook_endpoints import Endpoint
from app.notify.webhooks import STATES, Webhooks
from app.ui import present
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.webhooks.rows import (
    ALL,
    AttemptRow,
    Choice,
    DeliveryRow,
    EndpointRow,
    attempt_row,
    delivery_row,
    endpoint_choices,
    endpoint_row,
    state_choices,
    type_choices,
)
from app.ui.paging import Paged
from app.ui.roles import Role, may

PAGE = 25
NO_DELIVERY: DeliveryRow = {
    "id": "", "type": "", "url": "", "state": "queued", "word": "", "answer": "", "attempts": "", "time": "",
    "whole_time": "", "again": False,
}  # fmt: skip


class WebhooksState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("opened", "message_id", "problem", "attempts")

    ready: bool = False
    may_manage: bool = False
    endpoints: list[EndpointRow] = []
    detail: str = ""
    has_request_secret: bool = False

    deliveries: list[DeliveryRow] = []
    has_any: bool = False
    filtered: bool = False
    endpoint: str = ALL
    state: str = ALL
    type: str = ALL
    endpoint_choices: list[Choice] = []
    state_choices: list[Choice] = []
    type_choices: list[Choice] = []

    opened: DeliveryRow = NO_DELIVERY
    message_id: str = ""
    problem: str = ""
    attempts: list[AttemptRow] = []

    @rx.event
    async def load(self):
        """A visit."""
        self.may_manage = may(who(), Role.OWNER)
        self._starts = []
        self.state_choices, self.type_choices = state_choices(), type_choices()
        await self._show()
        self.ready = True

    @rx.event
    async def refresh(self):
        """Read it all again, on the same page of the log."""
        await self._show()

    @rx.event
    async def choose_endpoint(self, endpoint_id: str):
        """Deliveries to one endpoint, or to all."""
        if endpoint_id == ALL or is_id(str(endpoint_id), "whe"):
            self.endpoint, self._starts = endpoint_id, []
            await self._show()

    @rx.event
    async def choose_state(self, state: str):
        """Deliveries in one state, or all."""
        if state in (ALL, *STATES):
            self.state, self._starts = state, []
            await self._show()

    @rx.event
    async def choose_type(self, name: str):
        """Deliveries of one event, or all."""
        if name in (ALL, *events.TYPES, events.TEST):
            self.type, self._starts = name, []
            await self._show()

    @rx.event
    async def clear(self):
        """All of them again."""
        self.endpoint = self.state = self.type = ALL
        self._starts = []
        await self._show()

    @rx.event
    async def open(self, delivery_id: str):
        """One delivery with every attempt."""
        parts = services.current()
        try:
            found = await asyncio.to_thread(parts.webhooks.open, workspace_id(), str(delivery_id)[:64])
        except NotFound:
            return
        now = parts.desk.clock()
        row = found.delivery
        self.opened, self.message_id, self.problem = delivery_row(row, now), row.message_id, ""
        newest = reversed(found.attempts)
        self.attempts = [attempt_row(one, row.body, row.url, now) for one in newest]

    @rx.event
    async def reading(self, is_open: bool):
        """The dialog was closed."""
        if not is_open:
            self.opened, self.attempts = NO_DELIVERY, []

    async def _show(self) -> None:
        parts = services.current()
        wanted = {
            "endpoint_id": None if self.endpoint == ALL else self.endpoint,
            "state": None if self.state == ALL else self.state,
            "type_": None if self.type == ALL else self.type,
            "before": self._after(),
        }
        endpoints, has_secret, found = await asyncio.to_thread(_read, parts.webhooks, workspace_id(), wanted)
        now = parts.desk.clock()
        self.endpoints = [endpoint_row(one, now) for one in endpoints]
        self.endpoint_choices = endpoint_choices(endpoints)
        on = sum(one.is_enabled for one in endpoints)
        self.detail = t("webhooks.detail", count=on) if endpoints else ""
        self.has_request_secret = has_secret
        self.deliveries, self.has_next = [delivery_row(row, now) for row in found[:PAGE]], len(found) > PAGE
        self.has_previous = bool(self._starts)
        self.filtered = (self.endpoint, self.state, self.type) != (ALL, ALL, ALL)
        self.has_any = bool(endpoints) or bool(found) or self.filtered or has_secret
        seen = {name: present.count(place) for name, place in self._range(PAGE).items()}
        self.shown = t("webhooks.range", **seen) if found else ""

    def _listed(self) -> list[DeliveryRow]:
        return self.deliveries


def _read(webhooks: Webhooks, workspace: str, wanted: dict[str, Any]) -> tuple[list[Endpoint], bool, list[Any]]:
    endpoints = webhooks.endpoints
    has_secret = endpoints.request_endpoint(workspace) is not None
    return endpoints.all(workspace), has_secret, webhooks.deliveries(workspace, limit=PAGE + 1, **wanted)
