"""The billing keys and two dialogs: issue one, revoke one."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.plans.keys import AREAS
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_billing_keys.rows import WAYS, KeyRow, key_row, scopes_of
from app.ui.roles import Role

LONGEST_INPUT = 200
CHOICES = ("all", "read", "chosen")


class BillingKeysState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = (
        "creating",
        "revoking",
        "subject",
        "name",
        "chosen",
        "error",
        "secret",
        "example",
    )

    ready: bool = False
    rows: list[KeyRow] = []
    has_any: bool = False
    has_revoked: bool = False
    with_revoked: bool = False
    creating: bool = False
    revoking: str = ""  # a key's id while its dialog is open
    subject: str = ""
    name: str = ""
    may: str = CHOICES[0]
    chosen: dict[str, str] = dict.fromkeys(AREAS, WAYS[0])
    error: str = ""
    secret: str = ""
    example: str = ""

    @rx.event
    async def load(self):
        """A visit."""
        await self._show()
        self.ready = True

    @rx.event
    async def choose_revoked(self, chosen: bool):
        """Also list the keys that no longer work."""
        self.with_revoked = bool(chosen)
        await self._show()

    @rx.event
    async def open_create(self, is_open: bool):
        """The dialog opens empty; closing it forgets the secret for good."""
        self.creating = bool(is_open)
        self.name = self.error = self.secret = self.example = ""
        self.may, self.chosen = CHOICES[0], dict.fromkeys(AREAS, WAYS[0])

    @rx.event
    async def write_name(self, text: str):
        """What stands in the name field."""
        self.name, self.error = str(text)[:LONGEST_INPUT], ""

    @rx.event
    async def choose_may(self, may: str):
        """Everything, looking only, or areas."""
        if may in CHOICES:
            self.may, self.error = may, ""

    @rx.event
    async def choose_area(self, area: str, way: str):
        """What it may do in one area."""
        if area in AREAS and way in WAYS:
            self.chosen[area] = way
            self.error = ""

    @rx.event
    async def create_key(self):
        """Issue the key and show its secret, this once."""
        if not self.creating or self.secret:
            return
        parts = services.current()
        scopes = scopes_of(self.may, self.chosen)
        if not scopes:
            self.error = t("admin_billing_keys.nothing_chosen")
            return
        try:
            made = await asyncio.to_thread(parts.billing_keys.issue, self.name, scopes, actor=who().user_id)
        except InvalidInput as refused:
            self.error = refused.message
            return
        self.error, self.subject, self.secret = "", made.info.name, made.secret
        self.example = (
            f"curl -X POST {parts.settings.public_url}/billing/v1/customers/search \\\n"
            f"  -H 'x-api-key: {made.secret}' -H 'Content-Type: application/json' -d '{{}}'"
        )
        await self._show()

    @rx.event
    async def open_revoke(self, key_id: str):
        """Ask before ending a key."""
        found = next((row for row in self.rows if row["id"] == str(key_id) and not row["is_revoked"]), None)
        if found is not None:
            self.revoking, self.subject = found["id"], found["name"]

    @rx.event
    async def close_revoke(self, is_open: bool):
        """The revoke dialog was closed."""
        if not is_open:
            self.revoking = ""

    @rx.event
    async def revoke_key(self):
        """End the key."""
        ended, self.revoking = self.revoking, ""
        if not is_id(ended, "bkey"):
            return None
        try:
            await asyncio.to_thread(services.current().billing_keys.revoke, ended, actor=who().user_id)
        except NotFound:
            return None
        await self._show()
        return toast_done(t("keys.revoke.done", name=self.subject))

    async def _show(self) -> None:
        parts = services.current()
        now = parts.desk.clock()
        keys = await asyncio.to_thread(parts.billing_keys.list, with_revoked=True)
        self.has_any = bool(keys)
        self.has_revoked = any(key.revoked_at is not None for key in keys)
        self.rows = [key_row(key, now) for key in keys if self.with_revoked or key.revoked_at is None]
