"""The frame around every page: sidebar on the background, the page as one inset sheet, a top bar; on small screens a
drawer and a bottom bar. `shell(…)` is what a page returns.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import reflex as rx

from app.kernel.text import t
from app.ui import nav, palette
from app.ui.account import account_dialog
from app.ui.bars import Crumb, bottom_bar, drawer, hidden_trigger, top_bar
from app.ui.components import icon, keys, link_button
from app.ui.components.base import Child, classes
from app.ui.components.dialog import dialog
from app.ui.roles import Role
from app.ui.shell_state import ShellState
from app.ui.sidebar import sidebar

Kind = Literal["page", "editor"]


def shell(
    *body: Child,
    here: str,
    title: Child,
    area: Role = Role.CUSTOMER,
    crumbs: Sequence[Crumb] = (),
    actions: Sequence[Child] = (),
    chips: Sequence[Child] = (),
    kind: Kind = "page",
    bleed: bool = False,
) -> rx.Component:
    """A page in its frame.

    `here` is the key of its line in `nav`; `crumbs` are `(label, href)` before the title; `actions` stand right of
    "Find any id" in the top bar, `chips` left of it. `kind="editor"` starts with the 52 px rail. `bleed` gives the body
    the whole sheet, for pages that scroll in columns. `area=Role.SIGNED_IN` is for a page both sides have: the frame is
    the operator's for an operator, and a customer's for a customer.
    """

    def on_either_side(draw: Callable[[Role], rx.Component]) -> rx.Component:
        if area is not Role.SIGNED_IN:
            return draw(area)
        return rx.cond(ShellState.is_operator, draw(Role.OPERATOR), draw(Role.CUSTOMER))

    frame = rx.el.div(
        rx.el.a(t("shell.skip"), href="#page", class_name="fb-skip"),
        rx.el.aside(on_either_side(lambda side: sidebar(here, side)), class_name="fb-sidebar fb-scroll"),
        rx.el.div(
            on_either_side(lambda side: top_bar(title, here, side, crumbs, actions, chips)),
            on_either_side(lambda side: _banners() if side is not Role.OPERATOR else rx.fragment()),
            rx.el.main(
                *body,
                id="page",
                tab_index=-1,
                class_name=classes("fb-page fb-scroll", "fb-page-bleed" if bleed else None),
            ),
            class_name="fb-sheet",
        ),
        on_either_side(lambda side: bottom_bar(here, side)),
        class_name="fb-shell",
        custom_attrs={"data-kind": kind, "data-area": area.value},
    )
    return rx.fragment(
        frame,
        on_either_side(lambda side: drawer(here, side)),
        palette.palette(),
        account_dialog(),
        on_either_side(_shortcut_list),
    )


def _banners() -> rx.Component:
    """What a customer must know wherever they are."""
    return rx.el.div(rx.foreach(ShellState.banners, _banner), class_name="fb-banners", role="status")


def _banner(one: Any) -> rx.Component:
    return rx.el.div(
        icon("triangle-alert", 15),
        rx.el.span(one["text"], class_name="flex-1 min-w-0"),
        link_button(one["verb"], href=one["href"], size="small"),
        class_name="fb-banner",
        key=one["name"],
        custom_attrs={"data-tone": one["tone"], "data-testid": f"banner-{one['name']}"},
    )


def _shortcut_list(area: Role) -> rx.Component:
    """The keys, on "?"."""
    lines: list[tuple[tuple[str, ...], str]] = [
        (("mod", "K"), t("shell.keys.find")),
        *[
            (("G", entry.letter.upper()), t("shell.keys.go", page=t(f"shell.nav.{entry.key}")))
            for entry in nav.entries_of(area)
            if entry.letter
        ],
        (("/",), t("shell.keys.filter")),
        (("J", "K"), t("shell.keys.rows")),
        (("enter",), t("shell.keys.open")),
        *(
            [(("mod", "enter"), t("shell.keys.run")), (("R",), t("shell.keys.again"))]
            if area is not Role.OPERATOR
            else []
        ),
        (("C",), t("shell.keys.copy")),
        (("[",), t("shell.keys.sidebar")),
        (("?",), t("shell.keys.list")),
        (("esc",), t("shell.keys.close")),
    ]
    return dialog(
        rx.el.dl(
            *[
                rx.el.div(rx.el.dt(words), rx.el.dd(keys(*pressed)), class_name="fb-key-line")
                for pressed, words in lines
            ],
            class_name="fb-key-list",
        ),
        title=t("shell.keys.title"),
        detail=t("shell.keys.hint"),
        trigger=hidden_trigger("shortcuts"),
    )
