"""A page's state with the services behind it and no browser in front: what handlers do, and what would be shown."""

from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from app.accounts.identity import Role, Who
from app.services import Services
from app.ui.guard import PageState, acting_as
from tests.support.house import House
from tests.ui.tabs import Tab, new_tab

S = TypeVar("S", bound=PageState)


@dataclass
class Screen:
    """One person's tab in a house."""

    house: House
    person: Who
    tab: Tab = field(default_factory=lambda: new_tab("owner"))

    async def open(self, state: type[S], path: str, query: str = "") -> S:
        """Visit a page: its state after its load event."""
        self.tab.connect(path=path + query, route=path)
        found = await self.tab.tree.get_state(state)
        await self.act(found.load())
        return found

    async def act(self, work: Awaitable[Any]) -> Any:
        """Run a handler as this person."""
        with acting_as(self.person):
            return await work

    def as_member(self) -> "Screen":
        """The same workspace, looked at by somebody who does not own it."""
        return Screen(self.house, replace(self.person, role=Role.MEMBER))


def owner_of(house: House) -> Who:
    """The owner of the house's workspace."""
    (member,) = house.services.accounts.people.members(house.workspace_id)
    return Who(member.user_id, member.name, member.email, False, house.workspace_id, "Halfmoon Studio", Role.OWNER)


def operator_of(services: Services) -> Who:
    """A new operator of these services."""
    made = services.accounts.people.create_operator("tomas@farebox.example", "Tomas Reyes", "a long password 1")
    return Who(made.id, made.name, made.email, True, None, None, None)


def operator() -> Who:
    return Who("usr_operator", "Tomas Reyes", "tomas@farebox.test", True, None, None, None)


def stranger(workspace_id: str) -> Who:
    """The owner of another workspace."""
    return Who("usr_stranger", "Lea Novak", "lea@kestrel.test", False, workspace_id, "Kestrel Films", Role.OWNER)
