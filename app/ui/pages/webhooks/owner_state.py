"""What only an owner of a workspace may do with its webhooks: the guard decides by the state a handler belongs to."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import FareboxError, NotFound
from app.kernel.text import t
from app.notify.webhook_endpoints import Endpoint
from app.ui.components import toast_done
from app.ui.guard import PageState, workspace_id
from app.ui.pages.webhooks.rows import EventRow, event_rows
from app.ui.pages.webhooks.state import NO_DELIVERY, WebhooksState
from app.ui.roles import Role
from app.ui.visits import EVERYTHING


class WebhookOwnerState(PageState):
    """What only an owner of the workspace may do."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    editing: bool = False
    subject: str = ""  # the id of the endpoint a dialog is about; empty: a new one
    address: str = ""  # its address, for a dialog's title
    url: str = ""
    description: str = ""
    every: bool = True
    events: list[EventRow] = []
    error: str = ""
    url_error: str = ""
    secret: str = ""
    rotating: bool = False
    deleting: bool = False
    of_requests: bool = False

    @rx.event
    async def open_create(self, is_open: bool):
        """The dialog opens empty; closing it forgets the secret for good."""
        self.editing = bool(is_open)
        self.subject = self.address = self.url = self.description = self.error = self.url_error = self.secret = ""
        self.every, self.events = True, event_rows(())

    @rx.event
    async def open_edit(self, endpoint_id: str):
        """Change an endpoint."""
        found = await self._find(endpoint_id)
        if found is not None:
            self.editing, self.subject, self.address = True, found.id, found.url
            self.url, self.description = found.url, found.description
            self.error = self.url_error = self.secret = ""
            self.every, self.events = not found.types, event_rows(found.types)

    @rx.event
    async def write_url(self, text: str):
        self.url, self.url_error = str(text)[:2_000], ""

    @rx.event
    async def write_description(self, text: str):
        self.description = str(text)[:400]

    @rx.event
    async def choose_every(self, chosen: str):
        """All events, or the ones that are ticked."""
        self.every = chosen != "some"

    @rx.event
    async def choose_event(self, name: str, chosen: bool):
        """Tick one event."""
        others = [row["name"] for row in self.events if row["chosen"] and row["name"] != name]
        self.events, self.error = event_rows([*others, name] if chosen else others), ""

    @rx.event
    async def save(self):
        """Make the endpoint, or change it; a new one's secret is shown this once."""
        if not self.editing or self.secret:
            return None
        chosen = [row["name"] for row in self.events if row["chosen"]]
        if not self.every and not chosen:
            self.error = t("webhooks.edit.no_events")
            return None
        types = () if self.every else tuple(chosen)
        endpoints, workspace = services.current().webhooks.endpoints, workspace_id()
        try:
            if self.subject:
                given = {"url": self.url, "types": types, "description": self.description}
                await asyncio.to_thread(endpoints.change, workspace, self.subject, **given)
            else:
                made, self.secret = await asyncio.to_thread(
                    endpoints.create, workspace, self.url, types=types, description=self.description
                )
                self.address = made.url
        except FareboxError as refused:
            if refused.param == "url":
                self.url_error = refused.message
            else:
                self.error = refused.message
            return None
        self.error = self.url_error = ""
        await self._show_list()
        if self.secret:
            return None
        self.editing = False
        return toast_done(t("webhooks.edit.done"))

    # ---- secrets ----

    @rx.event
    async def open_rotate(self, endpoint_id: str):
        """Ask before a new secret."""
        found = await self._find(endpoint_id)
        if found is not None:
            self.rotating, self.subject, self.address, self.secret = True, found.id, found.url, ""

    @rx.event
    async def close_rotate(self, is_open: bool):
        if not is_open:
            self.rotating, self.secret = False, ""

    @rx.event
    async def rotate(self):
        """A new secret, shown this once."""
        if not self.rotating or self.secret:
            return
        try:
            self.secret = await asyncio.to_thread(
                services.current().webhooks.endpoints.rotate, workspace_id(), self.subject
            )
        except NotFound:
            self.rotating = False
        await self._show_list()

    @rx.event
    async def open_requests(self, is_open: bool):
        """The secret of requests that bring an address of their own."""
        self.of_requests, self.secret = bool(is_open), ""

    @rx.event
    async def make_request_secret(self):
        """Make it, or make it anew; shown this once."""
        if not self.of_requests or self.secret:
            return
        self.secret = await asyncio.to_thread(services.current().webhooks.endpoints.request_secret, workspace_id())
        await self._show_list()

    # ---- on, off, gone ----

    @rx.event
    async def switch(self, endpoint_id: str, on: bool):
        """Turn it on or off."""
        endpoints = services.current().webhooks.endpoints
        act = endpoints.enable if on else endpoints.disable
        try:
            await asyncio.to_thread(act, workspace_id(), str(endpoint_id)[:64])
        except NotFound:
            return None
        await self._show_list()
        return toast_done(t("webhooks.switched_on" if on else "webhooks.switched_off"))

    @rx.event
    async def open_delete(self, endpoint_id: str):
        """Ask before it is gone."""
        found = await self._find(endpoint_id)
        if found is not None:
            self.deleting, self.subject, self.address = True, found.id, found.url

    @rx.event
    async def close_delete(self, is_open: bool):
        if not is_open:
            self.deleting = False

    @rx.event
    async def delete(self):
        """It is gone."""
        if not self.deleting:
            return None
        self.deleting = False
        try:
            await asyncio.to_thread(services.current().webhooks.endpoints.delete, workspace_id(), self.subject)
        except NotFound:
            return None
        await self._show_list()
        return toast_done(t("webhooks.delete.done"))

    # ---- sending ----

    @rx.event
    async def test(self, endpoint_id: str):
        """A test event to this endpoint alone."""
        parts = services.current()
        try:
            await asyncio.to_thread(parts.webhooks.test, workspace_id(), str(endpoint_id)[:64])
        except NotFound:
            return None
        parts.wake("webhooks.send")
        await self._show_list()
        return toast_done(t("webhooks.tested"))

    @rx.event
    async def replay(self, delivery_id: str):
        """Send the same message again."""
        parts = services.current()
        page = await self.get_state(WebhooksState)
        try:
            await asyncio.to_thread(parts.webhooks.replay, workspace_id(), str(delivery_id)[:64])
        except FareboxError as refused:
            page.problem = refused.message
            return None
        parts.wake("webhooks.send")
        page.opened = NO_DELIVERY
        await page._show()
        return toast_done(t("webhooks.replayed"))

    async def _find(self, endpoint_id: object) -> Endpoint | None:
        try:
            return await asyncio.to_thread(
                services.current().webhooks.endpoints.find, workspace_id(), str(endpoint_id)[:64]
            )
        except NotFound:
            return None

    async def _show_list(self) -> None:
        page = await self.get_state(WebhooksState)
        await page._show()
