"""Tabs of a page and its address: `?tab=` names one, and follows the choice."""

import json
from collections.abc import Sequence

import reflex as rx
from reflex.event import EventSpec


def asked_tab(page: rx.State, tabs: Sequence[str], *, usual: str = "") -> str:
    """The tab the address names; where it names none of them `usual`, or the first."""
    asked = page.router.url.query_parameters.get("tab", "")
    return asked if asked in tabs else usual or tabs[0]


def show_tab() -> EventSpec:
    """Move the tabs of a narrow page so that the chosen one is seen; as it is chosen the page does that by itself."""
    chosen = ".fb-scroll-x .rt-SegmentedControlItem[data-state='on']"
    into_view = f"document.querySelector({json.dumps(chosen)})?.scrollIntoView({{block: 'nearest', inline: 'center'}})"
    return rx.call_script(f"setTimeout(() => {into_view}, 80)")


def name_tab(tab: str) -> EventSpec:
    """Put the chosen tab into the address, so that a reload, a bookmark or going back finds it again."""
    return rx.call_script(f"history.replaceState(history.state, '', location.pathname + '?tab=' + {json.dumps(tab)})")
