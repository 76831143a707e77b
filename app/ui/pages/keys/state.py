"""The keys of a workspace, and the three dialogs: create, rename, revoke.

Everybody in the workspace may look; creating, renaming and revoking is the owners'. The guard decides that by the state
a handler belongs to, so the owners' handlers are a state of their own.
"""

import asyncio
from datetime import datetime
from typing import ClassVar

import reflex as rx

from app import services
from app.accounts.allowances import Allowance
from app.accounts.keys import KeyInfo
from app.generation.spend import Used, spent_by
from app.kernel.errors import InvalidInput, LimitReached, NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.services import Services
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.keys.rows import KeyRow, curl_example, key_row, sorted_keys
from app.ui.roles import Role, may
from app.ui.visits import EVERYTHING

LONGEST_INPUT = 200


class KeysState(PageState):
    """What everybody sees."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    may_manage: bool = False
    rows: list[KeyRow] = []
    in_use: str = ""
    has_any: bool = False
    has_revoked: bool = False
    with_revoked: bool = False

    @rx.event
    async def load(self):
        """A visit."""
        self.may_manage = may(who(), Role.OWNER)
        await self._show_keys()
        self.ready = True

    @rx.event
    async def choose_revoked(self, chosen: bool):
        """Also list the keys that no longer work."""
        self.with_revoked = bool(chosen)
        await self._show_keys()

    async def _show_keys(self) -> None:
        """Read the list again."""
        parts = services.current()
        now = parts.desk.clock()
        keys, names, allowances, used = await asyncio.to_thread(_keys, parts, workspace_id(), now)
        self.rows = [
            key_row(key, names, now, allowances.get(key.id), used.get(key.id))
            for key in sorted_keys(keys, with_revoked=self.with_revoked)
        ]
        live = sum(not key.is_revoked for key in keys)
        self.in_use = t("keys.detail", count=live)
        self.has_any, self.has_revoked = bool(keys), live < len(keys)


class KeyOwnerState(PageState):
    """What only an owner of the workspace may do."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    creating: bool = False
    renaming: str = ""  # a key's id while its dialog is open
    revoking: str = ""
    subject: str = ""  # the name of the key a dialog is about
    name: str = ""
    error: str = ""
    secret: str = ""
    example: str = ""

    @rx.event
    async def open_create(self, is_open: bool):
        """The dialog opens empty; closing it forgets the secret for good."""
        self.creating = bool(is_open)
        self.name = self.error = self.secret = self.example = ""

    @rx.event
    async def write_name(self, text: str):
        """What stands in the name field."""
        self.name = str(text)[:LONGEST_INPUT]

    @rx.event
    async def create_key(self):
        """Make the key and show its secret, this once."""
        if not self.creating or self.secret:
            return
        parts, person = services.current(), who()
        try:
            made = await asyncio.to_thread(parts.accounts.keys.create, workspace_id(), self.name, actor=person.user_id)
        except (InvalidInput, LimitReached) as refused:
            self.error = refused.message
            return
        self.error, self.subject, self.secret = "", made.info.name, made.secret
        self.example = curl_example(parts.settings.public_url, made.secret, _any_model(parts))
        await self._show_list()

    @rx.event
    async def open_rename(self, key_id: str):
        """Ask for another name."""
        key = await self._find(key_id)
        if key is not None:
            self.renaming, self.subject, self.name, self.error = key.id, key.name, key.name, ""

    @rx.event
    async def close_rename(self, is_open: bool):
        """The rename dialog was closed."""
        if not is_open:
            self.renaming = ""

    @rx.event
    async def rename_key(self):
        """Give it the name in the field."""
        if not self.renaming:
            return None
        try:
            key = await asyncio.to_thread(
                services.current().accounts.keys.rename,
                workspace_id(),
                self.renaming,
                self.name,
                actor=who().user_id,
            )
        except InvalidInput as refused:
            self.error = refused.message
            return None
        except NotFound:
            self.error = t("keys.error.gone")
            return None
        self.renaming = ""
        await self._show_list()
        return toast_done(t("keys.rename.done", name=key.name))

    @rx.event
    async def open_revoke(self, key_id: str):
        """Ask before ending a key."""
        key = await self._find(key_id)
        if key is not None:
            self.revoking, self.subject = key.id, key.name

    @rx.event
    async def close_revoke(self, is_open: bool):
        """The revoke dialog was closed."""
        if not is_open:
            self.revoking = ""

    @rx.event
    async def revoke_key(self):
        """End the key."""
        if not self.revoking:
            return None
        keys, ended = services.current().accounts.keys, self.revoking
        self.revoking = ""
        try:
            await asyncio.to_thread(keys.revoke, workspace_id(), ended, actor=who().user_id)
        except NotFound:
            return None  # it was never this workspace's: there is nothing to say about it
        await self._show_list()
        return toast_done(t("keys.revoke.done", name=self.subject))

    async def _find(self, key_id: object) -> KeyInfo | None:
        wanted = str(key_id)
        if not is_id(wanted, "key"):
            return None
        listed = await asyncio.to_thread(services.current().accounts.keys.list, workspace_id())
        return next((key for key in listed if key.id == wanted), None)

    async def _show_list(self) -> None:
        page = await self.get_state(KeysState)
        await page._show_keys()


def _keys(
    parts: Services, workspace: str, now: datetime
) -> tuple[list[KeyInfo], dict[str, str], dict[str, Allowance], dict[str, Used]]:
    people = {one.user_id: one.name for one in parts.accounts.people.members(workspace)}
    with parts.db.read() as connection:
        used = spent_by(connection, workspace, now)
    keys = parts.accounts.keys.list(workspace, with_revoked=True)
    return keys, people, parts.accounts.allowances.of_keys(workspace), used


def _any_model(parts: Services) -> str:
    """A model for the example: the first image model, or the first of any kind."""
    offers = parts.offers.list("image") or parts.offers.list()
    return offers[0].alias if offers else "flux-schnell"
