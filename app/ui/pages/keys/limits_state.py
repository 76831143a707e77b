"""An owner limits a key, chooses when it ends and what is kept of its requests, and gives it a new secret."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.accounts.allowances import Allowance
from app.accounts.keys import GRACES, KeyInfo
from app.generation import spend
from app.generation.spend import Used
from app.kernel.errors import FareboxError, InvalidInput, NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.services import Services
from app.ui import allowance_form
from app.ui.allowance_form import ALERTS, FIELDS, LONGEST, NO_ALERT, ModelChoice
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.keys.rows import curl_example
from app.ui.pages.keys.state import KeysState, _any_model
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

ERRORS = (*FIELDS, "allowed_models", "expires_at", "")
#: The words of the choice, and how long the old secret then goes on working.
GRACE = dict(zip(("now", "hour", "day", "week"), GRACES, strict=True))


class _Open(TypedDict):
    """What a dialog is opened with."""

    key: KeyInfo
    allowance: Allowance
    used: Used
    models: list[tuple[str, str]]


class KeyLimitsState(PageState):
    """The dialog of a key's limits and policies."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    editing: str = ""  # a key's id while the dialog is open
    subject: str = ""
    form: dict[str, str] = allowance_form.empty()
    errors: dict[str, str] = dict.fromkeys(ERRORS, "")
    every_model: bool = True
    models: list[ModelChoice] = []
    alert: str = NO_ALERT
    expires: str = ""  # a day, 2026-12-31, or empty
    payloads: bool = False
    webhooks: bool = False
    warning: str = ""  # what saving would refuse; saved when it is confirmed

    @rx.event
    async def open_limits(self, key_id: str):
        """Show what is in force."""
        found = await asyncio.to_thread(_read, services.current(), workspace_id(), str(key_id))
        if found is None:
            return
        key, allowance = found["key"], found["allowance"]
        self.editing, self.subject = key.id, key.name
        self.form, self.errors = allowance_form.form_of(allowance), dict.fromkeys(ERRORS, "")
        self.every_model = allowance.allowed_models is None
        self.models = allowance_form.choices(found["models"], allowance.allowed_models)
        self.alert = str(allowance.alert_percent or NO_ALERT)
        self.expires = f"{key.expires_at - timedelta(days=1):%Y-%m-%d}" if key.expires_at else ""
        self.payloads, self.webhooks, self.warning = key.keeps_payloads, key.manages_webhooks, ""

    @rx.event
    async def close_limits(self, is_open: bool):
        """The dialog was closed; what was not saved is gone."""
        if not is_open:
            self.editing = ""

    @rx.event
    async def write(self, name: str, text: str):
        """What stands in one field."""
        if name in FIELDS:
            self.form = {**self.form, name: str(text)[: LONGEST + 1]}
            self._changed(name)

    @rx.event
    async def write_expiry(self, text: str):
        """The last day it works."""
        self.expires = str(text)[:10]
        self._changed("expires_at")

    @rx.event
    async def choose_every(self, chosen: bool):
        """Every model, or only those that are ticked."""
        self.every_model = bool(chosen)
        self._changed("allowed_models")

    @rx.event
    async def choose_model(self, model_id: str, chosen: bool):
        """Tick or untick one."""
        self.models = [
            ModelChoice(**{**item, "chosen": bool(chosen)}) if item["id"] == model_id else item for item in self.models
        ]
        self._changed("allowed_models")

    @rx.event
    async def choose_alert(self, chosen: str):
        """When the owners get a mail."""
        if chosen in ALERTS:
            self.alert = chosen

    @rx.event
    async def choose_payloads(self, chosen: bool):
        """Whether what it asks and is answered is kept."""
        self.payloads = bool(chosen)

    @rx.event
    async def choose_webhooks(self, chosen: bool):
        """Whether programs with it may manage webhooks."""
        self.webhooks = bool(chosen)

    @rx.event
    async def save(self):
        """Put it in force; what would refuse requests at once is asked about first."""
        if not self.editing:
            return None
        picked = None if self.every_model else [item["id"] for item in self.models if item["chosen"]]
        parts, confirmed = services.current(), bool(self.warning)
        try:
            wanted = allowance_form.allowance_of(self.form, picked, self.alert)
            ends = _end_of(self.expires)
            warning = await asyncio.to_thread(
                _save,
                parts,
                workspace_id(),
                self.editing,
                wanted,
                ends,
                (self.payloads, self.webhooks),
                who().user_id,
                confirmed,
            )
        except (InvalidInput, NotFound) as refused:
            self.errors = {**dict.fromkeys(ERRORS, ""), _place(refused): refused.message}
            return None
        if warning:
            self.warning = warning
            return None
        self.editing = ""
        await (await self.get_state(KeysState))._show_keys()
        return toast_done(t("keys.limits.done", name=self.subject))

    def _changed(self, name: str) -> None:
        self.errors = {**self.errors, name: "", "": ""}
        self.warning = ""


class KeyRotationState(PageState):
    """The dialog that gives a key a new secret."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    rotating: str = ""
    subject: str = ""
    grace: str = "day"
    secret: str = ""
    example: str = ""
    error: str = ""

    @rx.event
    async def open_rotate(self, key_id: str):
        """Ask for how long the old secret goes on."""
        found = await asyncio.to_thread(_read, services.current(), workspace_id(), str(key_id))
        if found is not None:
            self.rotating, self.subject = found["key"].id, found["key"].name
            self.grace, self.secret, self.example, self.error = "day", "", "", ""

    @rx.event
    async def close_rotate(self, is_open: bool):
        """Closing forgets the secret for good."""
        if not is_open:
            self.rotating = self.secret = self.example = ""

    @rx.event
    async def choose_grace(self, chosen: str):
        """For how long."""
        if chosen in GRACE:
            self.grace = chosen

    @rx.event
    async def rotate(self):
        """Make the new secret and show it, this once."""
        if not self.rotating or self.secret:
            return
        parts, grace = services.current(), GRACE[self.grace]
        try:
            made = await asyncio.to_thread(
                parts.accounts.keys.rotate, workspace_id(), self.rotating, grace, actor=who().user_id
            )
        except FareboxError as refused:
            self.error = refused.message
            return
        self.error, self.secret = "", made.secret
        self.example = curl_example(parts.settings.public_url, made.secret, _any_model(parts))
        await (await self.get_state(KeysState))._show_keys()


def _read(parts: Services, workspace: str, key_id: str) -> _Open | None:
    """A live key of this workspace, with what limits it and what it used."""
    if not is_id(key_id, "key"):
        return None
    key = next((one for one in parts.accounts.keys.list(workspace) if one.id == key_id), None)
    if key is None:
        return None
    with parts.db.read() as connection:
        used = spend.spent_by(connection, workspace, parts.desk.clock()).get(key_id, Used())
    allowed = parts.accounts.allowances.of(workspace).workspace
    models = [(offer.model_id, offer.alias) for offer in parts.offers.list() if allowed.allows(offer.model_id)]
    return _Open(key=key, allowance=parts.accounts.allowances.of(workspace, key_id).key, used=used, models=models)


def _save(
    parts: Services,
    workspace: str,
    key_id: str,
    wanted: Allowance,
    ends: datetime | None,
    switches: tuple[bool, bool],
    actor: str,
    confirmed: bool,
) -> str:
    """Save, or answer what has to be confirmed first."""
    found = _read(parts, workspace, key_id)
    if found is None:
        raise NotFound(t("keys.error.gone"))
    warning = allowance_form.hurts(found["allowance"], wanted, found["used"])
    if warning and not confirmed:
        return warning
    # The key first: it is what may be refused, and nothing is then half saved.
    payloads, webhooks = switches
    parts.accounts.keys.configure(
        workspace, key_id, expires_at=ends, keeps_payloads=payloads, manages_webhooks=webhooks, actor=actor
    )
    parts.accounts.allowances.set_for_key(workspace, key_id, wanted, actor=actor)
    return ""


def _end_of(day: str) -> datetime | None:
    """The moment after a last day, in UTC."""
    if not day:
        return None
    try:
        last = date.fromisoformat(day)
        return datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise InvalidInput(t("keys.limits.expires_wrong"), param="expires_at") from None


def _place(refused: FareboxError) -> str:
    return refused.param if refused.param in ERRORS and refused.param else ""
