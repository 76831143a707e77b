"""What a customer's workspace may use as a whole: the operator's limits."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.accounts.allowances import Allowance
from app.generation import spend
from app.generation.spend import Used
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.ids import is_id
from app.kernel.money import Money
from app.kernel.text import t
from app.services import Services
from app.ui import allowance_form, present
from app.ui.allowance_form import ALERTS, FIELDS, LONGEST, NO_ALERT, ModelChoice
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.roles import Role

ERRORS = (*FIELDS, "allowed_models", "")


class CustomerLimitsState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("open", "form", "errors", "every_model", "models", "alert", "warning")

    open: bool = False
    summary: str = ""
    spent: str = ""
    form: dict[str, str] = allowance_form.empty()
    errors: dict[str, str] = dict.fromkeys(ERRORS, "")
    every_model: bool = True
    models: list[ModelChoice] = []
    alert: str = NO_ALERT
    warning: str = ""

    @rx.event
    async def load(self):
        """A visit of the customer's page."""
        await self._summarise()

    @rx.event
    async def begin(self):
        """Show what is in force."""
        parts, workspace = services.current(), self._workspace()
        allowance, _used = await asyncio.to_thread(_read, parts, workspace)
        models = [(offer.model_id, offer.alias) for offer in await asyncio.to_thread(parts.offers.list)]
        self.form, self.errors = allowance_form.form_of(allowance), dict.fromkeys(ERRORS, "")
        self.every_model = allowance.allowed_models is None
        self.models = allowance_form.choices(models, allowance.allowed_models)
        self.alert, self.warning, self.open = str(allowance.alert_percent or NO_ALERT), "", True

    @rx.event
    async def opened(self, is_open: bool):
        """The dialog was closed; what was not saved is gone."""
        if not is_open:
            self.open = False

    @rx.event
    async def write(self, name: str, text: str):
        """What stands in one field."""
        if name in FIELDS:
            self.form = {**self.form, name: str(text)[: LONGEST + 1]}
            self._changed(name)

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
    async def save(self):
        """Put it in force; what would refuse requests at once is asked about first."""
        if not self.open:
            return None
        parts, workspace = services.current(), self._workspace()
        picked = None if self.every_model else [item["id"] for item in self.models if item["chosen"]]
        try:
            wanted = allowance_form.allowance_of(self.form, picked, self.alert)
            before, used = await asyncio.to_thread(_read, parts, workspace)
            hurts = allowance_form.hurts(before, wanted, used)
            if hurts and not self.warning:
                self.warning = hurts
                return None
            book = parts.accounts.allowances
            await asyncio.to_thread(book.set_for_workspace, workspace, wanted, actor=who().user_id)
        except (InvalidInput, NotFound) as refused:
            place = refused.param if refused.param in ERRORS and refused.param else ""
            self.errors = {**dict.fromkeys(ERRORS, ""), place: refused.message}
            return None
        self.open = False
        await self._summarise()
        return toast_done(t("admin_customers.limits.done"))

    async def _summarise(self) -> None:
        allowance, used = await asyncio.to_thread(_read, services.current(), self._workspace())
        self.summary = allowance_form.in_words(allowance)
        self.spent = t(
            "admin_customers.limits.spent",
            day=present.credits(Money(used.day_micros)),
            month=present.credits(Money(used.month_micros)),
        )

    def _changed(self, name: str) -> None:
        self.errors = {**self.errors, name: "", "": ""}
        self.warning = ""

    def _workspace(self) -> str:
        return self.router.url.path.rstrip("/").rpartition("/")[2]


def _read(parts: Services, workspace: str) -> tuple[Allowance, Used]:
    """What is in force and what was used; nothing for what is no workspace."""
    if not is_id(workspace, "ws"):
        return Allowance(), Used()
    with parts.db.read() as connection:
        used = spend.spent_by(connection, workspace, parts.desk.clock())[workspace]
    return parts.accounts.allowances.of(workspace).workspace, used
