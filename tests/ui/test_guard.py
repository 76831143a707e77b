"""Nobody can call what is not theirs, by any socket, whatever the page says."""

from typing import ClassVar

import pytest
import reflex as rx
from reflex.state import OnLoadInternalState, State
from reflex.utils.format import format_event_handler
from reflex_base.registry import RegistrationContext

from app.accounts.identity import Who
from app.kernel.errors import NotAllowed, NotSignedIn
from app.ui.guard import PageState, acting_as, cookie_value, required_role, visitor, who, workspace_id
from app.ui.page import PAGES, Page
from app.ui.roles import Role, home_of, identity_of, may
from tests.ui.people import BOTH, HOMELESS, MEMBER, OPERATOR, OWNER, SESSIONS, STRANGER
from tests.ui.tabs import Clock, LookUps, Tab, new_tab, script_of

pytestmark = pytest.mark.anyio


class ClosedState(PageState):
    """A page that forgot to say who may see it."""

    @rx.event
    def act(self):
        pass


class CustomerState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER
    secret: str = ""

    @rx.event
    def act(self):
        self.secret = "touched"


class OwnerState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER

    @rx.event
    def act(self):
        pass


class OperatorState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    @rx.event(background=True)
    async def act(self):
        pass


class UnrelatedState(rx.State):
    """Not even a page's state."""

    @rx.event
    def act(self):
        pass


HYDRATION = {
    format_event_handler(State.event_handlers["hydrate"]),
    format_event_handler(State.event_handlers["hydrate_and_load"]),
    format_event_handler(OnLoadInternalState.event_handlers["on_load_internal"]),
    format_event_handler(State.event_handlers["set_is_hydrated"]),
    format_event_handler(OnLoadInternalState.event_handlers["set_is_hydrated"]),
}


def every_handler() -> list[str]:
    return sorted(RegistrationContext.get().event_handlers)


def name_of(state: type[rx.State], handler: str = "act") -> str:
    return format_event_handler(state.event_handlers[handler])


@pytest.fixture
def private_page():
    """A customer's and an operator's page at known routes."""
    added = {
        "/test-customer": Page("/test-customer", "x", Role.CUSTOMER, rx.fragment),
        "/test-operator": Page("/test-operator", "x", Role.OPERATOR, rx.fragment),
    }
    PAGES.update(added)
    yield
    for route in added:
        PAGES.pop(route)


# ---- every handler there is ----


def test_there_are_handlers_to_try():
    assert len(every_handler()) > 20


async def test_a_visitor_can_call_nothing_but_what_a_page_needs_to_start_and_what_is_open():
    tab = new_tab()
    let_through = {name for name in every_handler() if await tab.send(name) is None}
    open_to_all = {name for name in every_handler() if required_role(name) is Role.ANYONE}
    assert let_through == open_to_all
    assert {name for name in let_through if _is_reflex(name)} == HYDRATION


@pytest.mark.parametrize("session", sorted(SESSIONS))
async def test_nobody_can_call_a_handler_above_their_role(session):
    tab = new_tab(session)
    for name in every_handler():
        allowed = await tab.send(name) is None
        assert allowed == may(SESSIONS[session], required_role(name)), name


@pytest.mark.parametrize("session", ["", *sorted(SESSIONS)])
async def test_nobody_can_write_a_variable_by_its_name(session):
    tab = new_tab(session)
    setters = [name for name in every_handler() if name.endswith((".setvar", ".update_vars_internal"))]
    assert len(setters) > 10
    assert not [name for name in setters if await tab.send(name) is None]


async def test_a_handler_that_does_not_exist_is_swallowed():
    assert await new_tab("owner").send("reflex___state____state.no_such_state.no_such_handler") is not None


def _is_reflex(name: str) -> bool:
    return RegistrationContext.get().event_handlers[name].states[0].__module__.startswith("reflex.")


# ---- roles ----


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        pytest.param(ClosedState, set(), id="a state that says nothing is closed to everybody"),
        pytest.param(UnrelatedState, set(), id="so is one that is no page's"),
        pytest.param(
            CustomerState, {"owner", "member", "stranger", "both"}, id="a customer is a member of a workspace"
        ),
        pytest.param(OwnerState, {"owner", "stranger", "both"}, id="an owner owns one"),
        pytest.param(OperatorState, {"operator", "both"}, id="an operator runs the installation"),
    ],
)
async def test_who_may_call(state, allowed):
    passed = {session for session in ["", *SESSIONS] if await new_tab(session).send(name_of(state)) is None}
    assert passed == allowed


@pytest.mark.parametrize(
    ("person", "home"),
    [(None, "/login"), (OWNER, "/playground"), (OPERATOR, "/admin"), (BOTH, "/admin"), (HOMELESS, "/")],
    ids=["a visitor", "a customer", "an operator", "both", "somebody without a workspace"],
)
def test_where_a_person_starts(person, home):
    assert home_of(person) == home


def test_who_is_asking_is_known_inside_a_handler_and_nowhere_else():
    with acting_as(OWNER):
        assert who() is OWNER
        assert workspace_id() == "ws_1"
    with pytest.raises(NotSignedIn):
        who()
    assert visitor() is None


def test_a_person_without_a_workspace_has_no_workspace_to_act_in():
    with acting_as(OPERATOR), pytest.raises(NotAllowed):
        workspace_id()


async def test_the_guard_says_who_is_asking():
    tab = new_tab("member")
    await tab.send(name_of(CustomerState))
    assert who() is MEMBER


# ---- pages ----


async def test_a_visitor_who_opens_a_page_is_sent_to_sign_in_and_back(private_page):
    tab = new_tab("", "/test-customer?model=flux", "/test-customer")
    update = await tab.send(format_event_handler(State.event_handlers["hydrate_and_load"]))
    assert "/login?next=%2Ftest-customer%3Fmodel%3Dflux" in script_of(update)
    assert "error" not in script_of(update)


async def test_the_wrong_person_is_sent_to_their_own_start_page(private_page):
    tab = new_tab("operator", "/test-customer")
    update = await tab.send(format_event_handler(OnLoadInternalState.event_handlers["on_load_internal"]))
    assert 'window.location.replace("/admin")' in script_of(update)


async def test_the_right_person_is_let_in(private_page):
    assert await new_tab("operator", "/test-operator").send(sorted(HYDRATION)[0]) is None


async def test_a_forbidden_call_from_a_page_one_may_see_is_swallowed_in_silence():
    update = await new_tab("owner", "/").send(name_of(OperatorState))
    assert update is not None
    assert not update.events
    assert not update.delta


async def test_a_session_that_ends_leads_to_sign_in_with_the_reason(private_page):
    look_up, clock = LookUps(), Clock()
    tab = new_tab("owner", "/test-customer", look_up=look_up)
    tab.guard.monotonic = clock
    assert await tab.send(name_of(CustomerState)) is None
    look_up.sessions.clear()
    clock.now += 10
    assert "session_ended" in script_of(await tab.send(name_of(CustomerState)))


# ---- the tab's owner ----


async def _with_secret(tab: Tab) -> CustomerState:
    await tab.send(name_of(CustomerState))
    state = await tab.tree.get_state(CustomerState)
    state.secret = "Mara's"
    return state


async def test_a_tab_that_changes_hands_starts_again(private_page):
    tab = new_tab("owner", "/test-customer")
    await _with_secret(tab)
    tab.connect("stranger")
    assert await tab.send(sorted(HYDRATION)[0]) is None
    assert (await tab.tree.get_state(CustomerState)).secret == ""


async def test_a_tab_left_behind_by_somebody_shows_a_visitor_nothing():
    tab = new_tab("owner")
    await _with_secret(tab)
    tab.connect("")
    assert await tab.send(format_event_handler(State.event_handlers["hydrate"])) is None
    assert "Mara's" not in str(tab.tree.dict())


async def test_a_call_that_finds_its_tab_taken_over_reloads_the_page_instead(private_page):
    tab = new_tab("owner", "/test-customer")
    await _with_secret(tab)
    tab.connect("stranger")
    assert "reload" in script_of(await tab.send(name_of(CustomerState)))


async def test_the_same_person_keeps_the_tab():
    tab = new_tab("owner")
    await _with_secret(tab)
    tab.connect("owner", "/")
    await tab.send(sorted(HYDRATION)[0])
    assert (await tab.tree.get_state(CustomerState)).secret == "Mara's"


async def test_a_fresh_tab_is_nobody_s_and_needs_no_reload():
    assert await new_tab("owner").send(name_of(CustomerState)) is None


async def test_news_for_a_tab_that_never_connected_is_dropped():
    tab = Tab(new_tab().guard)
    assert await tab.send(name_of(CustomerState)) is not None


def test_a_change_of_role_or_workspace_is_a_change_of_hands():
    people = [None, OWNER, MEMBER, STRANGER, HOMELESS, OPERATOR, BOTH]
    assert len({identity_of(person) for person in people}) == len(people)


# ---- sessions ----


async def test_a_session_is_looked_up_once_in_a_few_seconds():
    look_up, clock = LookUps(), Clock()
    tab = new_tab("owner", look_up=look_up)
    tab.guard.monotonic = clock
    for _ in range(5):
        await tab.send(name_of(CustomerState))
    assert look_up.asked == 1
    clock.now += tab.guard.remember_seconds + 0.1
    await tab.send(name_of(CustomerState))
    assert look_up.asked == 2


async def test_whoever_was_shut_out_or_renamed_is_looked_up_at_once():
    look_up = LookUps()
    tab = new_tab("owner", look_up=look_up)
    changes = [0]
    tab.guard.epoch = lambda: changes[0]
    assert await tab.send(name_of(CustomerState)) is None
    del look_up.sessions["owner"]
    assert await tab.send(name_of(CustomerState)) is None, "remembered"
    changes[0] += 1
    assert await tab.send(name_of(CustomerState)) is not None


async def test_what_was_looked_up_while_it_changed_is_not_remembered():
    changes = [0]

    def changing(token: str) -> Who | None:
        changes[0] += 1
        return OWNER

    tab = new_tab("owner", look_up=changing)
    tab.guard.epoch = lambda: changes[0]
    await tab.send(name_of(CustomerState))
    await tab.send(name_of(CustomerState))
    assert changes == [2]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("farebox_session=abc", "abc"),
        ("a=1; farebox_session=abc; b=2", "abc"),
        ('a="x y"; farebox_session="abc"', "abc"),
        ("a={bad json; farebox_session=abc", "abc"),
        ("xfarebox_session=abc", ""),
        ("farebox_session", ""),
        ("", ""),
    ],
)
def test_the_cookie_is_found_among_whatever_other_programs_left(header, value):
    assert cookie_value(header, "farebox_session") == value
