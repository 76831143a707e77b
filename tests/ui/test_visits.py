"""A page that is opened finds nothing of the last visit's dialogs: no secret, no draft, no open question."""

from typing import Any

import pytest
from reflex.state import OnLoadInternalState, State
from reflex.utils.format import format_event_handler
from reflex_base.registry import RegistrationContext

from app.ui.guard import PageState, TabState
from app.ui.pages.balance.alert_state import AlertOwnerState
from app.ui.pages.keys.state import KeyOwnerState
from app.ui.visits import of_one_visit, own_variables
from tests.ui.tabs import Tab, new_tab

pytestmark = pytest.mark.anyio

NAVIGATED = format_event_handler(OnLoadInternalState.event_handlers["on_load_internal"])
CONNECTED = format_event_handler(State.event_handlers["hydrate_and_load"])
LEFT = "left behind"

#: Variables of these names hold what somebody typed or is shown once.
TYPED = {
    "amount", "code", "confirm_error", "draft", "errors", "form", "made", "note", "password", "pasted", "reason",
    "rate", "reference", "secret", "test_address", "values", "why", "words",
}  # fmt: skip

#: The same words for a page of its own, which every visit fills anew, or which keeps its draft on purpose.
PAGES_OF_THEIR_OWN = {
    "AgreeState": "load begins the offer anew",
    "DetailsState": "load_details fills the form",
    "FormState": "a reload keeps what is in the playground's form",
    "FrontState": "the showcase",
    "PaymentsState": "load fills the section",
    "SellerState": "load fills the sections",
    "TermsState": "load fills the section",
    "AlertState": "the sentence of the page",
    "MailState": "what a mail says",
}


def page_states() -> list[type[PageState]]:
    known = RegistrationContext.get().base_states.values()
    return [each for each in known if issubclass(each, PageState) and each.__module__.startswith("app.ui.pages.")]


def with_dialogs() -> list[type[PageState]]:
    return [each for each in page_states() if of_one_visit(each)]


def as_left(default: Any) -> Any:
    """Something else than a visit begins with, of the same kind."""
    match default:
        case bool():
            return not default
        case str():
            return LEFT
        case dict():
            return dict.fromkeys([*default, LEFT], LEFT)
        case _:
            return default


async def leave_open(tab: Tab, kind: type[PageState]) -> PageState:
    """Something of every dialog of the state stays behind, after one of its handlers was called."""
    handler = next(each for name, each in kind.event_handlers.items() if name in vars(kind) and name != "setvar")
    assert await tab.send(format_event_handler(handler)) is None
    state: PageState = await tab.tree.get_state(kind)
    for name in of_one_visit(kind):
        setattr(state, name, as_left(kind.__fields__[name].default_value()))
    return state


def left_in(state: PageState) -> list[str]:
    fields = type(state).__fields__
    return [name for name in of_one_visit(type(state)) if getattr(state, name) != fields[name].default_value()]


async def arrived(path: str = "/keys") -> Tab:
    tab = new_tab("both", path)
    await tab.send(CONNECTED, hashes=["a"])
    return tab


async def test_another_page_finds_no_dialog_open_and_nothing_that_was_typed_in_one():
    tab = await arrived()
    opened = [await leave_open(tab, kind) for kind in with_dialogs()]
    assert len(opened) > 40
    assert not [state for state in opened if not left_in(state)]
    tab.connect(path="/balance")
    await tab.send(NAVIGATED)
    assert [type(state).__name__ for state in opened if left_in(state)] == []


@pytest.mark.parametrize(
    ("event", "payload", "stays"),
    [
        pytest.param(CONNECTED, {"hashes": ["a"]}, False, id="a page that is loaded again is a new visit"),
        pytest.param(CONNECTED, {}, True, id="a socket that connects again is not"),
        pytest.param(NAVIGATED, {}, True, id="nor is another question to the same page"),
    ],
)
async def test_what_begins_a_visit(event, payload, stays):
    tab = await arrived()
    state = await leave_open(tab, KeyOwnerState)
    await tab.send(event, **payload)
    assert (state.secret == LEFT) is stays


async def test_what_is_opened_before_the_page_has_been_loaded_stays_open():
    tab = await arrived()
    before = await leave_open(tab, KeyOwnerState)
    tab.connect(path="/balance")
    opened = await leave_open(tab, AlertOwnerState)
    assert left_in(before) == []
    await tab.send(NAVIGATED)
    assert left_in(opened) != []


async def test_a_tab_may_be_older_than_the_program():
    tab = await arrived()
    (await tab.tree.get_state(TabState))._touched = ["reflex___state____state.a_state_of_last_year"]
    tab.connect(path="/balance")
    assert await tab.send(NAVIGATED) is None


async def test_what_is_typed_into_a_dialog_lasts_for_one_visit():
    kept = {
        kind.__name__: sorted(TYPED & set(own_variables(kind)) - set(of_one_visit(kind)))
        for kind in page_states()
        if kind.__name__ not in PAGES_OF_THEIR_OWN
    }
    assert {name: variables for name, variables in kept.items() if variables} == {}
