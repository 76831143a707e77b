"""A page's address names its tab: a bookmark, a reload and a link from elsewhere open that one."""

import pytest

from app.ui.pages.admin_orders.list_state import VIEWS
from app.ui.pages.admin_settings.page import SECTIONS, SettingsState
from app.ui.tabs import asked_tab
from tests.ui.tabs import new_tab


@pytest.mark.parametrize(
    ("query", "opened"),
    [
        pytest.param("?tab=send", "send", id="a tab by its name"),
        pytest.param("?run=7&tab=unmatched", "unmatched", id="beside other questions"),
        pytest.param("", VIEWS[0], id="no tab is the first"),
        pytest.param("?tab=nowhere", VIEWS[0], id="so is one that does not exist"),
    ],
)
def test_the_address_names_the_tab(query, opened):
    assert asked_tab(new_tab("operator", f"/admin/orders{query}").tree, VIEWS) == opened


def test_settings_open_at_the_named_section_and_the_address_follows_the_choice():
    state = new_tab("operator", "/admin/settings?tab=terms").tree.get_substate(SettingsState.get_full_name().split("."))
    SettingsState.load.fn(state)
    assert state.section == "terms"
    assert "?tab=" in str(SettingsState.choose.fn(state, "payments"))
    assert SettingsState.choose.fn(state, "nowhere") is None
    assert state.section == SECTIONS[-1]
