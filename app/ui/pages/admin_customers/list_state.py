"""The table of customers, and a new one."""

import asyncio
import secrets
from typing import ClassVar

import reflex as rx

from app import services
from app.generation.customers import Customer, customers
from app.kernel.errors import FareboxError
from app.kernel.text import t
from app.services import Services
from app.ui import present
from app.ui.guard import PageState, who
from app.ui.pages.admin_customers.rows import CustomerRow, customer_row
from app.ui.roles import Role

PAGE = 25
LONGEST_SEARCH = 200
LONGEST_INPUT = 300
FIELDS = ("workspace", "name", "email")


class CustomersState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = (
        "creating",
        "busy",
        "draft",
        "errors",
        "password",
        "made_email",
        "made_href",
    )

    ready: bool = False
    rows: list[CustomerRow] = []
    search: str = ""
    shown: str = ""
    start: int = 0
    has_next: bool = False
    creating: bool = False
    busy: bool = False
    draft: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    password: str = ""  # of the customer just made: shown once, gone when the dialog closes
    made_email: str = ""
    made_href: str = ""

    @rx.event
    async def load(self):
        """A visit: from the top, with the search as it was left."""
        self.start = 0
        await self._show()

    @rx.event
    async def look_for(self, text: str):
        """Part of a name, an id, or a member's e-mail."""
        self.search, self.start = str(text)[:LONGEST_SEARCH], 0
        await self._show()

    @rx.event
    async def clear(self):
        self.search, self.start = "", 0
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

    # ---- a new customer ----

    @rx.event
    def creating_opened(self, is_open: bool):
        """Esc keeps what was typed; a password that was shown is gone."""
        if is_open is True:
            self.errors = dict.fromkeys((*FIELDS, ""), "")
            self.creating = True
        else:
            self._close()

    @rx.event
    def write(self, name: str, text: str):
        if name in FIELDS:
            self.draft[name] = str(text)[:LONGEST_INPUT]
            self.errors[name] = ""

    @rx.event
    async def create(self):
        """A person and their workspace, with a password that is shown now or never."""
        if not self.creating or self.password or self.busy:
            return  # the second of two clicks
        wanted, actor, house = dict(self.draft), who().user_id, services.current()
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        for name in FIELDS:
            if not wanted[name].strip():
                self.errors[name] = t(f"admin_customers.wrong.{name}")
        if any(self.errors.values()):
            return
        password = secrets.token_urlsafe(12)
        self.busy = True
        yield  # hashing a password takes its time
        try:
            person, made = await asyncio.to_thread(
                lambda: house.accounts.people.create_customer(
                    wanted["email"], wanted["name"], password, wanted["workspace"], actor=actor
                )
            )
        except FareboxError as refused:
            self.busy = False
            field = "email" if refused.stable_code == "email_taken" else refused.param or ""
            self.errors[field if field in FIELDS else ""] = refused.message
            return
        self.busy = False
        self.password, self.made_email = password, person.email
        self.made_href = f"/admin/customers/{made.id}"
        self.draft = dict.fromkeys(FIELDS, "")
        await self._show()

    # ---- inside ----

    def _close(self) -> None:
        self.creating = self.busy = False
        self.password = self.made_email = self.made_href = ""

    async def _show(self) -> None:
        house = services.current()
        found = await asyncio.to_thread(_read, house, self.search, self.start)
        self.has_next = len(found) > PAGE
        at = house.desk.clock()
        self.rows = [customer_row(one, at) for one in found[:PAGE]]
        last = self.start + len(self.rows)
        self.shown = (
            t("admin_customers.shown", first=present.count(self.start + 1), last=present.count(last)) if last else ""
        )
        self.ready = True


def _read(house: Services, search: str, start: int) -> list[Customer]:
    page = house.accounts.people.workspaces(search, limit=PAGE + 1, offset=start)
    with house.db.read() as connection:
        return customers(connection, page, house.desk.clock(), house.editing.credit_value)
