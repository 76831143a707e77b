"""Who a customer is: what the workspace is called, and whether each of its people may sign in."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.accounts.identity import Role as MemberRole
from app.accounts.members import Invitation
from app.kernel.errors import FareboxError, NotFound
from app.kernel.ids import is_id
from app.kernel.text import t
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_customers.detail_state import CustomerState
from app.ui.pages.admin_customers.rows import NOBODY, PersonRow
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

LONGEST_INPUT = 300
INVITED = ("email", "name")


class CustomerPeopleState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    renaming: bool = False
    name: str = ""
    name_error: str = ""
    person: PersonRow = NOBODY  # who the question is about
    problem: str = ""
    inviting: bool = False
    invited: dict[str, str] = dict.fromkeys(INVITED, "")
    errors: dict[str, str] = dict.fromkeys((*INVITED, ""), "")

    @rx.event
    async def begin_rename(self):
        """The name as it is, to be changed."""
        page = await self.get_state(CustomerState)
        if page.customer["id"]:
            self.renaming, self.name, self.name_error = True, page.customer["name"], ""

    @rx.event
    def rename_opened(self, is_open: bool):
        if not is_open:
            self.renaming = False

    @rx.event
    def write_name(self, text: str):
        self.name, self.name_error = str(text)[:LONGEST_INPUT], ""

    @rx.event
    async def rename(self):
        """The workspace has this name from now on, for its members too."""
        workspace = self._workspace()
        if not self.renaming or not workspace:
            return None
        people, actor, name = services.current().accounts.people, who().user_id, self.name
        try:
            await asyncio.to_thread(lambda: people.rename_workspace(workspace, name, actor=actor))
        except FareboxError as refused:
            self.name_error = refused.message
            return None
        self.renaming = False
        services.current().news.publish(workspace)  # its members' pages show it
        return [CustomerState.refresh, toast_done(t("admin_customers.rename.done"))]

    @rx.event
    async def ask(self, user_id: str):
        """Say what disabling or enabling this member means first."""
        page = await self.get_state(CustomerState)
        self.problem = ""
        self.person = next((row for row in page.members if row["id"] == str(user_id)), NOBODY)

    @rx.event
    def asked(self, is_open: bool):
        if not is_open:
            self.person = NOBODY

    @rx.event
    async def set_disabled(self):
        """Shut this member out, or let them in again; whichever the question was."""
        workspace, person = self._workspace(), self.person
        if not person["id"] or not workspace:
            return None
        disable = not person["disabled"]
        try:
            await asyncio.to_thread(_set_disabled, workspace, person["id"], disable, who().user_id)
        except FareboxError as refused:
            self.problem = refused.message
            return None
        self.person = NOBODY
        act = "disable" if disable else "enable"
        return [CustomerState.refresh, toast_done(t(f"admin_customers.{act}.done", name=person["name"]))]

    @rx.event
    def open_invite(self, is_open: bool):
        """The dialog opens empty."""
        self.inviting = is_open is True
        self.invited, self.errors = dict.fromkeys(INVITED, ""), dict.fromkeys((*INVITED, ""), "")

    @rx.event
    def write_invited(self, name: str, text: str):
        if name in INVITED:
            self.invited = {**self.invited, name: str(text)[:LONGEST_INPUT]}
            self.errors = dict.fromkeys(self.errors, "")

    @rx.event
    async def invite(self):
        """An owner for this workspace: one that was made through the billing API has nobody yet."""
        workspace = self._workspace()
        if not self.inviting or not workspace:
            return None
        accounts, actor = services.current().accounts, who().user_id
        wanted = Invitation(self.invited["email"], self.invited["name"], MemberRole.OWNER)
        self.inviting = False  # the second of two clicks invites nobody
        try:
            await asyncio.to_thread(lambda: accounts.members.invite(workspace, wanted, actor=actor))
        except FareboxError as refused:
            self.inviting = True
            self.errors = {**self.errors, refused.param if refused.param in INVITED else "": refused.message}
            return None
        services.current().news.publish(workspace)
        return [CustomerState.refresh, toast_done(t("admin_customers.invite.done", email=wanted.email.strip()))]

    def _workspace(self) -> str:
        found = str(self.router.url.path).rstrip("/").rpartition("/")[2]
        return found if is_id(found, "ws") else ""


def _set_disabled(workspace: str, user_id: str, disable: bool, actor: str) -> None:
    accounts = services.current().accounts
    if not any(member.user_id == user_id for member in accounts.people.members(workspace)):
        raise NotFound("This person is no longer a member of the workspace.", code="user_not_found")
    if disable:
        accounts.disable(user_id, actor=actor)
    else:
        accounts.people.enable_user(user_id, actor=actor)
