"""The account menu's dialog: everybody changes their own name, an owner the workspace's, nobody anything else."""

from dataclasses import replace

import pytest

from app.accounts.identity import Who
from app.ui.account import AccountState
from app.ui.guard import acting_as
from tests.support.house import House
from tests.ui.screens import Screen

pytestmark = pytest.mark.anyio


async def saved(screen: Screen, **values: str) -> AccountState:
    """Open the dialog, fill it, and save it twice as a double click does."""
    state = await screen.tab.tree.get_state(AccountState)
    with acting_as(screen.person):
        state.opened(True)
        for name, text in values.items():
            state.write(name, text)
    await screen.act(state.save())
    await screen.act(state.save())
    return state


def names(home: House, who: Who) -> tuple[str, str]:
    people = home.services.accounts.people
    [member] = [one for one in people.members(home.workspace_id) if one.user_id == who.user_id]
    return member.name, people.workspace(home.workspace_id).name


async def test_an_owner_changes_both_names_and_open_pages_hear_of_it(home: House, screen: Screen) -> None:
    told: list[str] = []
    home.services.news.listen(told.append)
    state = await saved(screen, name="Countess Ada", workspace="Engines & Co")
    assert (state.open, names(home, screen.person)) == (False, ("Countess Ada", "Engines & Co"))
    assert told == [home.workspace_id]


@pytest.mark.parametrize("field", ["name", "workspace"])
async def test_what_is_no_name_stands_at_its_field(home: House, screen: Screen, field: str) -> None:
    before = names(home, screen.person)
    state = await saved(screen, **{field: " \t "})
    assert state.open
    assert [name for name, said in state.errors.items() if said] == [field]
    assert names(home, screen.person) == before


async def test_a_member_changes_their_own_name_only(home: House, screen: Screen) -> None:
    state = await saved(screen.as_member(), name="Ben", workspace="Mine now")
    assert not state.owns
    assert names(home, screen.person) == ("Ben", "Halfmoon Studio")


async def test_an_operator_without_a_workspace_has_a_name_too(home: House, screen: Screen) -> None:
    alone = replace(screen.person, workspace_id=None, workspace_name=None, role=None, is_operator=True)
    state = await saved(Screen(home, alone), name="Root", workspace="Nothing")
    assert (state.owns, names(home, screen.person)) == (False, ("Root", "Halfmoon Studio"))
