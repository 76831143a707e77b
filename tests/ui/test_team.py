"""The team page: everybody looks, owners invite, turn roles and remove, and nobody reaches another workspace."""

import pytest

from app.ui.guard import acting_as
from app.ui.pages.team.state import TeamOwnerState, TeamState
from tests.support.house import House
from tests.ui.screens import Screen

pytestmark = pytest.mark.anyio


async def owner(screen: Screen) -> TeamOwnerState:
    await screen.open(TeamState, "/team")
    return await screen.tab.tree.get_state(TeamOwnerState)


async def rows(screen: Screen) -> list[tuple[str, str, str]]:
    state = await screen.open(TeamState, "/team")
    return [(row["name"], row["role"], row["word"]) for row in state.rows]


async def test_an_owner_invites_turns_and_removes(screen: Screen) -> None:
    state, email = await owner(screen), f"ben-{screen.house.workspace_id.lower()}@example.com"
    with acting_as(screen.person):
        state.open_invite(True)
        state.write("email", "nonsense")
        state.write("name", "Ben")
    await screen.act(state.invite())
    assert state.inviting
    assert state.errors["email"]
    with acting_as(screen.person):
        state.write("email", email)
    await screen.act(state.invite())
    await screen.act(state.invite())  # the other of two clicks
    [me, ben] = await rows(screen)
    assert (me[1:], ben) == (("Owner", "Active"), ("Ben", "Member", "Invited"))

    page = await screen.open(TeamState, "/team")
    theirs, mine = page.rows[1]["id"], page.rows[0]["id"]
    await screen.act(state.ask_turn(mine))
    await screen.act(state.turn())
    assert "needs an owner" in state.problem
    await screen.act(state.ask_turn(theirs))
    await screen.act(state.turn())
    assert sorted(await rows(screen))[0] == ("Ben", "Owner", "Invited")
    await screen.act(state.ask_remove(theirs))
    await screen.act(state.remove())
    assert len(await rows(screen)) == 1


async def test_a_member_looks_and_a_person_of_another_workspace_is_not_found(
    screen: Screen, shared_house: House
) -> None:
    looked = await screen.as_member().open(TeamState, "/team")
    assert (looked.may_manage, len(looked.rows)) == (False, 1)
    [stranger] = shared_house.services.accounts.people.members(shared_house.newcomer(0).workspace_id)
    state = await owner(screen)
    for ask in (state.ask_remove, state.ask_turn):
        await screen.act(ask(stranger.user_id))
    assert (state.removing["id"], state.turning["id"]) == ("", "")
