"""The people of a workspace, and what its owners do about them: invite, another role, remove.

Everybody in the workspace may look. What only owners may do is a state of its own, because the guard decides by the
state a handler belongs to.
"""

import asyncio
from typing import ClassVar

import reflex as rx
from reflex_base.event import EventSpec

from app import services
from app.accounts.identity import Role as MemberRole
from app.accounts.members import Invitation
from app.kernel.errors import FareboxError
from app.kernel.ids import is_id
from app.kernel.text import t
from app.services import Services
from app.ui import wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.team.rows import NOBODY, MemberRow, member_row
from app.ui.roles import Role, may
from app.ui.visits import EVERYTHING

LONGEST_INPUT = 300
FIELDS = ("email", "name")


class TeamState(PageState):
    """What everybody sees."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    may_manage: bool = False
    rows: list[MemberRow] = []

    @rx.event
    async def load(self):
        """A visit, and news of this workspace while it lasts."""
        wiring.follow(self, workspace_id(), TeamState.refresh)
        await self.show()
        self.ready = True

    @rx.event
    async def refresh(self):
        """Pushed when somebody came, went, or may do something else."""
        await self.show()

    async def show(self) -> None:
        """Read the list again."""
        self.may_manage = may(who(), Role.OWNER)
        self.rows = await asyncio.to_thread(_rows, services.current(), workspace_id(), who().user_id)


class TeamOwnerState(PageState):
    """What only an owner of the workspace may do."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    inviting: bool = False
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    role: str = MemberRole.MEMBER.value
    turning: MemberRow = NOBODY  # whose role the question is about
    removing: MemberRow = NOBODY  # who the question is about
    with_keys: bool = False
    problem: str = ""

    # ---- invite ----

    @rx.event
    def open_invite(self, is_open: bool):
        """The dialog opens empty."""
        self.inviting, self.role = is_open is True, MemberRole.MEMBER.value
        self.values, self.errors = dict.fromkeys(FIELDS, ""), dict.fromkeys((*FIELDS, ""), "")

    @rx.event
    def write(self, name: str, text: str):
        """What stands in one field."""
        if name in FIELDS:
            self.values = {**self.values, name: str(text)[:LONGEST_INPUT]}
            self.errors = dict.fromkeys(self.errors, "")

    @rx.event
    def choose_role(self, role: str):
        if role in (MemberRole.OWNER, MemberRole.MEMBER):
            self.role = role

    @rx.event
    async def invite(self):
        """Let them in; the mail with their link is on its way."""
        if not self.inviting:
            return None
        wanted = Invitation(self.values["email"], self.values["name"], MemberRole(self.role))
        members, here, actor = services.current().accounts.members, workspace_id(), who().user_id
        self.inviting = False  # the second of two clicks invites nobody
        try:
            await asyncio.to_thread(lambda: members.invite(here, wanted, actor=actor))
        except FareboxError as refused:
            self.inviting = True
            self.errors = {**self.errors, refused.param if refused.param in FIELDS else "": refused.message}
            return None
        return await self._done(_sent(wanted.email.strip()))

    @rx.event
    async def invite_again(self, user_id: str):
        """Another mail with another link."""
        one = await self._find(user_id)
        if not one["is_invited"]:
            return None
        members, here, actor = services.current().accounts.members, workspace_id(), who().user_id
        try:
            email = await asyncio.to_thread(lambda: members.invite_again(here, one["id"], actor=actor))
        except FareboxError as refused:
            return rx.toast.error(refused.message)
        return await self._done(_sent(email))

    # ---- another role ----

    @rx.event
    async def ask_turn(self, user_id: str):
        """Say what it means first."""
        self.turning, self.problem = await self._find(user_id), ""

    @rx.event
    def turn_asked(self, is_open: bool):
        if not is_open:
            self.turning = NOBODY

    @rx.event
    async def turn(self):
        """An owner becomes a member, a member an owner."""
        one, members, here, actor = self.turning, services.current().accounts.members, workspace_id(), who().user_id
        if not one["id"]:
            return None
        role = MemberRole.MEMBER if one["is_owner"] else MemberRole.OWNER
        try:
            await asyncio.to_thread(lambda: members.set_role(here, one["id"], role, actor=actor))
        except FareboxError as refused:
            self.problem = refused.message
            return None
        self.turning = NOBODY
        return await self._done(t(f"team.turn.done_{role}", name=one["name"]))

    # ---- remove ----

    @rx.event
    async def ask_remove(self, user_id: str):
        """Say what it means for them and for the keys they made first."""
        self.removing, self.problem, self.with_keys = await self._find(user_id), "", False

    @rx.event
    def remove_asked(self, is_open: bool):
        if not is_open:
            self.removing = NOBODY

    @rx.event
    def choose_keys(self, chosen: bool):
        self.with_keys = chosen is True

    @rx.event
    async def remove(self):
        """They belong to the workspace no more; the keys they made end with it if that was chosen."""
        one, members, here, actor = self.removing, services.current().accounts.members, workspace_id(), who().user_id
        if not one["id"]:
            return None
        try:
            await asyncio.to_thread(lambda: members.remove(here, one["id"], with_keys=self.with_keys, actor=actor))
        except FareboxError as refused:
            self.problem = refused.message
            return None
        self.removing = NOBODY
        return await self._done(t("team.remove.done", name=one["name"]))

    # ---- inside ----

    async def _find(self, user_id: object) -> MemberRow:
        wanted = str(user_id)
        if not is_id(wanted, "usr"):
            return NOBODY
        rows = await asyncio.to_thread(_rows, services.current(), workspace_id(), who().user_id)
        return next((row for row in rows if row["id"] == wanted), NOBODY)

    async def _done(self, words: str) -> EventSpec:
        page = await self.get_state(TeamState)
        await page.show()
        services.current().news.publish(workspace_id())
        return toast_done(words)


def _rows(house: Services, workspace: str, you: str) -> list[MemberRow]:
    keys = house.accounts.keys.list(workspace)
    return [member_row(member, keys, you) for member in house.accounts.people.members(workspace)]


def _sent(email: str) -> str:
    """What becomes of the mail: without a server for it, operators read it under Mail."""
    return t(f"team.invite.{'done' if services.current().notify.mails.sends else 'kept'}", email=email)
