"""Every page there is: declared once, guarded, and drawable."""

import pytest
import reflex as rx
from reflex.route import get_route_args

from app.app import app
from app.ui import nav, page
from app.ui.guard import PageState
from app.ui.page import PAGES, role_of_route
from app.ui.roles import Role


def test_every_page_is_served_at_its_route():
    served = {"/" if route == "index" else f"/{route}" for route in app._page_routes}
    assert set(PAGES) <= served


@pytest.mark.parametrize("route", sorted(PAGES))
def test_every_page_says_who_may_see_it(route):
    assert PAGES[route].role is not Role.NOBODY
    assert role_of_route("index" if route == "/" else route.strip("/")) is PAGES[route].role


@pytest.mark.parametrize("route", sorted(PAGES))
def test_the_operator_s_pages_are_the_operator_s(route):
    is_operators = route == "/admin" or route.startswith("/admin/")
    assert (PAGES[route].role is Role.OPERATOR) == is_operators


@pytest.mark.parametrize("route", sorted(PAGES))
def test_every_page_can_be_drawn(route):
    assert PAGES[route].render().render()


@pytest.mark.parametrize("route", sorted(PAGES))
def test_a_page_loads_nothing_that_its_visitors_may_not(route):
    """A load event of a stricter state would be swallowed, and the page would wait for it for ever."""
    order = [Role.ANYONE, Role.SIGNED_IN, Role.CUSTOMER, Role.OWNER]
    for event in PAGES[route].on_load:
        needed = event.state.REQUIRED_ROLE
        allowed = PAGES[route].role
        assert needed is allowed or (
            needed in order and allowed in order and order.index(needed) <= order.index(allowed)
        )


def test_a_second_page_at_a_route_is_refused():
    with pytest.raises(ValueError, match="declared twice"):
        page.page("/login", title="x", role=Role.ANYONE)(rx.fragment)


def test_an_address_nobody_declared_is_open_because_there_is_nothing_at_it():
    assert role_of_route("404") is Role.ANYONE
    assert role_of_route("no/such/page") is Role.ANYONE


@pytest.mark.parametrize("entry", [*nav.CUSTOMER, *nav.OPERATOR], ids=lambda entry: entry.href)
def test_the_sidebar_has_one_letter_for_each_page(entry):
    area = nav.CUSTOMER if entry in nav.CUSTOMER else nav.OPERATOR
    assert [other.letter for other in area].count(entry.letter) == 1
    assert [other.key for other in [*nav.CUSTOMER, *nav.OPERATOR]].count(entry.key) == 1


@pytest.mark.parametrize("area", [nav.CUSTOMER, nav.OPERATOR], ids=["customer", "operator"])
def test_a_phone_s_bottom_bar_has_four_pages_and_more(area):
    assert len([entry for entry in area if entry.in_bar]) == 4


def test_page_states_keep_no_secret_from_the_guard():
    """A state outside `PageState` would have no role; the guard would close it and its page would be dead."""
    ours = [state for state in _all_states() if state.__module__.startswith("app.")]
    assert ours
    assert not [state.__name__ for state in ours if not issubclass(state, PageState) and state.__name__ != "TabState"]


def test_addresses_with_a_part_that_varies_name_it():
    assert all(get_route_args(route) for route in PAGES if "[" in route)


def _all_states(state: type[rx.State] = rx.State) -> list[type[rx.State]]:
    return [found for child in state.get_substates() for found in (child, *_all_states(child))]
