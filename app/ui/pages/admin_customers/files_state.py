"""For how long a customer's files are kept and how much it may upload: the operator's rule for one workspace."""

import asyncio
from typing import Any, ClassVar

import reflex as rx
from sqlalchemy import Connection

from app import services
from app.accounts.audit import note
from app.files.keeping import Keeping, Own
from app.kernel.errors import InvalidInput
from app.kernel.ids import is_id
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.roles import Role

DAYS, UPLOADS = FIELDS = ("days", "uploads_mb")
LONGEST = 10


class CustomerFilesState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = ("open", "form", "errors", "warning")

    open: bool = False
    summary: str = ""
    used: str = ""
    usual: dict[str, str] = dict.fromkeys(FIELDS, "")
    form: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys(FIELDS, "")
    warning: str = ""

    @rx.event
    async def load(self):
        """A visit of the customer's page."""
        await self._summarise()

    @rx.event
    async def begin(self):
        """Show what this workspace has of its own; an empty field follows the installation."""
        parts, workspace = services.current(), self._workspace()
        if not workspace:
            return
        own = await asyncio.to_thread(parts.files.keepings.own, workspace)
        self.usual = {DAYS: _days(parts.files.keepings.house.days), UPLOADS: _megabytes(parts.files.keepings.house)}
        self.form = {DAYS: str(own.days or ""), UPLOADS: str(own.uploads_mb or "")}
        self.errors, self.warning, self.open = dict.fromkeys(FIELDS, ""), "", True

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
            self.errors, self.warning = dict.fromkeys(FIELDS, ""), ""

    @rx.event
    async def save(self):
        """Put it in force. Files that would go at once are counted first, and it is asked again."""
        workspace = self._workspace()
        if not self.open or not workspace:
            return None
        parts = services.current()
        try:
            wanted = Own(_number(self.form, DAYS), _number(self.form, UPLOADS))
            going = await asyncio.to_thread(parts.files.keepings.would_go, workspace, wanted.days)
            if going and not self.warning:
                self.warning = t("admin_customers.files.warning", count=present.count(going))
                return None
            await asyncio.to_thread(_save, parts, workspace, wanted, who().user_id)
        except InvalidInput as refused:
            self.errors = {**dict.fromkeys(FIELDS, ""), refused.param or DAYS: refused.message}
            return None
        self.open = False
        await self._summarise()
        return toast_done(t("admin_customers.files.done"))

    async def _summarise(self) -> None:
        workspace = self._workspace()
        if not workspace:
            return
        keepings = services.current().files.keepings
        rule, used = await asyncio.to_thread(lambda: (keepings.for_workspace(workspace), _used(keepings, workspace)))
        self.summary = _days(rule.days)
        self.used = t("admin_customers.files.used", used=present.file_size(used), most=_megabytes(rule))

    def _workspace(self) -> str:
        found = str(self.router.url.path).rstrip("/").rpartition("/")[2]
        return found if is_id(found, "ws") else ""


def _used(keepings: Any, workspace: str) -> int:
    return int(keepings.uploads_bytes(workspace))


def _save(parts: Services, workspace: str, wanted: Own, actor: str) -> None:
    def noted(connection: Connection) -> None:
        detail = f"{_days(wanted.days)}; {wanted.uploads_mb or '-'} MB"
        note(connection, actor, "workspace.files", workspace, detail, at=parts.desk.clock())

    parts.accounts.people.workspace(workspace)
    parts.files.keepings.set(workspace, wanted, also=noted)


def _days(days: int | None) -> str:
    if days is None:
        return t("admin_customers.files.for_ever")
    return present.plural(days, t("admin_customers.files.day"), t("admin_customers.files.days"))


def _megabytes(rule: Keeping) -> str:
    return f"{present.count(rule.uploads_mb)} MB"


def _number(form: dict[str, str], name: str) -> int | None:
    text = form[name].strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST:
        raise InvalidInput(t("admin_customers.files.no_number"), param=name)
    return int(text)
