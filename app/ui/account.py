"""What somebody is called, and for an owner the workspace: changed by themselves, from the account menu of any page."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.accounts.identity import Role as MemberRole
from app.accounts.identity import Who
from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.services import Services
from app.ui.components import decision, dialog, field, text_input, toast_done, var
from app.ui.guard import PageState, who
from app.ui.roles import Role
from app.ui.shell_state import ShellState
from app.ui.visits import EVERYTHING

LONGEST_INPUT = 300
NAME, WORKSPACE = "name", "workspace"


class AccountState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.SIGNED_IN
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    open: bool = False
    owns: bool = False
    values: dict[str, str] = {NAME: "", WORKSPACE: ""}
    errors: dict[str, str] = {NAME: "", WORKSPACE: ""}

    @rx.event
    def opened(self, is_open: bool):
        """Both names as they are, or the dialog is closed and what was typed is gone."""
        person = who()
        self.open, self.owns = is_open is True, _owns(person)
        self.values = {NAME: person.name, WORKSPACE: person.workspace_name or ""}
        self.errors = dict.fromkeys(self.values, "")

    @rx.event
    def write(self, name: str, text: str):
        """What stands in one field."""
        if name in self.values:
            self.values = {**self.values, name: str(text)[:LONGEST_INPUT]}
            self.errors = dict.fromkeys(self.values, "")

    @rx.event
    async def save(self):
        """Whatever is another name than before; every page of this person and of the workspace shows it."""
        if not self.open:
            return None
        person, house = who(), services.current()
        try:
            await asyncio.to_thread(_rename, house, person, dict(self.values))
        except InvalidInput as refused:
            self.errors = {**self.errors, refused.param or NAME: refused.message}
            return None
        self.open = False
        if person.workspace_id:
            house.news.publish(person.workspace_id)
        return [ShellState.refresh, toast_done(t("shell.you.done"))]


def _owns(person: Who) -> bool:
    return person.workspace_id is not None and person.role is MemberRole.OWNER


def _rename(house: Services, person: Who, wanted: dict[str, str]) -> None:
    people = house.accounts.people
    if wanted[NAME] != person.name:
        people.rename_user(person.user_id, wanted[NAME], actor=person.user_id)
    if person.workspace_id and _owns(person) and wanted[WORKSPACE] != person.workspace_name:
        people.rename_workspace(person.workspace_id, wanted[WORKSPACE], actor=person.user_id)


def account_dialog() -> rx.Component:
    """One of these stands on every page."""
    return dialog(
        _field(NAME),
        rx.cond(AccountState.owns, _field(WORKSPACE)),
        title=t("shell.you.verb"),
        detail=ShellState.email,
        is_open=AccountState.open,
        on_open_change=var(AccountState).opened,
        footer=decision(t("shell.you.submit"), AccountState.save, test_id="save-account"),
    )


def _field(name: str) -> rx.Component:
    return field(
        t(f"shell.you.{name}"),
        text_input(
            default_value=AccountState.values[name],
            on_change=lambda text: var(AccountState).write(name, text),
            id=f"account-{name}",
            auto_complete="off",
            max_length=80,
        ),
        hint=t("shell.you.workspace_hint") if name == WORKSPACE else None,
        error=AccountState.errors[name],
        for_id=f"account-{name}",
    )
