"""The frame around every page: sidebar on the background, the page as one inset sheet, a top bar; on small screens a
drawer and a bottom bar. `shell(…)` is what a page returns.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import reflex as rx

from app.kernel.text import t
from app.ui import nav, palette
from app.ui.components import amount, icon, icon_button, keys, native_form, popover, route_link, row, tip
from app.ui.components.base import Child, classes
from app.ui.components.dialog import dialog
from app.ui.roles import Role
from app.ui.shell_state import ShellState

MARK_PATH = (
    "M8 8.5A2.5 2.5 0 0 1 10.5 6H22.5A2.5 2.5 0 0 1 22.5 11H13V14H18.25"
    "A2.5 2.5 0 0 1 18.25 19H13V23.5A2.5 2.5 0 0 1 8 23.5Z"
)

Kind = Literal["page", "editor"]
Crumb = tuple[Child, str | None]


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
        rx.el.aside(on_either_side(lambda side: _sidebar(here, side)), class_name="fb-sidebar fb-scroll"),
        rx.el.div(
            on_either_side(lambda side: _top_bar(title, side, crumbs, actions, chips)),
            rx.el.main(
                *body,
                id="page",
                tab_index=-1,
                class_name=classes("fb-page fb-scroll", "fb-page-bleed" if bleed else None),
            ),
            class_name="fb-sheet",
        ),
        on_either_side(lambda side: _bottom_bar(here, side)),
        class_name="fb-shell",
        custom_attrs={"data-kind": kind, "data-area": area.value},
    )
    return rx.fragment(
        frame,
        on_either_side(lambda side: _drawer(here, side)),
        palette.palette(),
        on_either_side(_shortcut_list),
    )


def page_title(title: Child, detail: Child = None, *actions: Child) -> rx.Component:
    """A heading inside the page, for pages whose top bar does not say enough."""
    return row(
        rx.el.div(
            rx.el.h1(title, class_name="fb-title"),
            rx.el.p(detail, class_name="fb-text-2") if detail is not None else None,
            class_name="flex-1 min-w-0",
        ),
        *actions,
        class_name="fb-page-title flex-wrap",
    )


def mark(size: int = 26) -> rx.Component:
    """The mark. Never recoloured, at least 16 px. (`fill=` would become a style and be lost while hydrating.)"""
    return rx.el.svg(
        rx.el.svg.rect(width="32", height="32", rx="8", custom_attrs={"fill": "#3E63DD"}),
        rx.el.svg.path(d=MARK_PATH, custom_attrs={"fill": "#fff"}),
        rx.el.svg.circle(cx="21.6", cy="22.6", r="3.4", custom_attrs={"fill": "#FFC53D"}),
        view_box="0 0 32 32",
        width=str(size),
        height=str(size),
        class_name="flex-none",
        custom_attrs={"aria-hidden": "true"},
    )


def wordmark(size: int = 24) -> rx.Component:
    """Mark and word; the word follows the theme."""
    return row(mark(size), rx.el.span(t("shell.product"), class_name="fb-wordmark"), class_name="gap-2")


def theme_toggle() -> rx.Component:
    return icon_button("sun-moon", t("shell.theme"), on_click=rx.toggle_color_mode, class_name="fb-quiet")


# ---- sidebar ----


def _sidebar(here: str, area: Role) -> rx.Component:
    return rx.fragment(
        _head(area),
        _navigation(here, area),
        rx.el.div(class_name="flex-1"),
        _balance_card() if area is not Role.OPERATOR else None,
        _user_row(),
    )


def _head(area: Role) -> rx.Component:
    name = t("shell.product") if area is Role.OPERATOR else ShellState.workspace
    detail = t("shell.operator") if area is Role.OPERATOR else ShellState.plan
    both = ShellState.is_operator & ShellState.has_workspace
    return rx.el.div(
        mark(26),
        rx.el.div(
            rx.el.span(name, class_name="fb-strong fb-cut", title=name),
            rx.el.span(detail, class_name="fb-caption fb-cut"),
            class_name="fb-when-wide flex flex-col flex-1 min-w-0",
        ),
        rx.cond(both, _switch_side(area)),
        class_name="fb-side-head",
    )


def _switch_side(area: Role) -> rx.Component:
    to_customer = area is Role.OPERATOR
    label = t("shell.switch_customer") if to_customer else t("shell.switch_operator")
    return route_link(
        icon("chevrons-up-down", 15),
        href="/playground" if to_customer else "/admin",
        class_name="fb-icon-button fb-quiet fb-when-wide",
        title=label,
        custom_attrs={"aria-label": label},
    )


def _navigation(here: str, area: Role) -> rx.Component:
    return rx.el.nav(
        *[
            rx.el.div(
                rx.el.h2(t(f"shell.group.{group}"), class_name="fb-nav-group") if group else None,
                *[_nav_row(entry, here) for entry in entries],
                class_name="fb-nav-section",
            )
            for group, entries in nav.groups_of(area)
        ],
        class_name="fb-nav",
        custom_attrs={"aria-label": t("shell.menu")},
    )


def _nav_row(entry: nav.Entry, here: str) -> rx.Component:
    label = t(f"shell.nav.{entry.key}")
    return route_link(
        icon(entry.icon, 16),
        rx.el.span(label, class_name="fb-when-wide fb-cut"),
        href=entry.href,
        class_name="fb-nav-row",
        title=label,
        custom_attrs={"data-fb-go": entry.letter, **({"aria-current": "page"} if entry.key == here else {})},
    )


def _balance_card() -> rx.Component:
    return rx.cond(
        ShellState.available != "",
        route_link(
            row(
                rx.el.span(t("shell.available"), class_name="fb-caption flex-1"),
                rx.el.span(ShellState.held, class_name="fb-caption fb-num"),
            ),
            amount(ShellState.available, class_name="fb-total"),
            href="/balance",
            class_name="fb-balance-card fb-when-wide",
        ),
    )


def _user_row() -> rx.Component:
    return rx.el.div(
        _account_menu(
            rx.el.button(
                rx.el.span(ShellState.initials, class_name="fb-avatar"),
                rx.el.span(ShellState.name, class_name="fb-when-wide fb-medium fb-cut flex-1 text-left"),
                type="button",
                class_name="fb-user",
                custom_attrs={"aria-label": t("shell.account")},
            )
        ),
        rx.el.span(theme_toggle(), class_name="fb-when-wide"),
        icon_button(
            "panel-left-open", t("shell.rail"), class_name="fb-quiet fb-when-rail", custom_attrs={"data-fb-rail": ""}
        ),
        class_name="fb-user-row",
    )


def _account_menu(trigger: rx.Component) -> rx.Component:
    return popover(
        trigger,
        rx.el.div(
            rx.el.span(ShellState.name, class_name="fb-strong fb-cut"),
            rx.el.span(ShellState.email, class_name="fb-small fb-cut"),
            class_name="fb-menu-head",
        ),
        _menu_button("keyboard", t("shell.shortcuts"), custom_attrs={"data-fb-press": "shortcuts"}),
        _menu_button("sun-moon", t("shell.theme"), on_click=rx.toggle_color_mode),
        _menu_button("panel-left", t("shell.rail"), custom_attrs={"data-fb-rail": ""}, class_name="fb-wide-only"),
        native_form(_menu_button("log-out", t("shell.sign_out"), type="submit"), action="/session/end"),
        width="240px",
    )


def _menu_button(icon_name: str, label: str, **props: Any) -> rx.Component:
    props.setdefault("type", "button")
    name = classes("fb-menu-item", props.pop("class_name", None))
    return rx.el.button(icon(icon_name, 15), rx.el.span(label), class_name=name, **props)


# ---- top bar ----


def _top_bar(title: Child, area: Role, crumbs: Sequence[Crumb], actions: Sequence[Child], chips: Sequence[Child]):
    return rx.el.header(
        icon_button(
            "menu", t("shell.menu"), class_name="fb-quiet fb-drawer-button", custom_attrs={"data-fb-press": "drawer"}
        ),
        rx.el.span(mark(26), class_name="fb-phone-only"),
        _trail(title, crumbs),
        row(
            *chips,
            rx.cond(
                ShellState.sandbox,
                tip(
                    t("shell.sandbox_help"),
                    rx.el.span(
                        icon("flask-conical", 13),
                        t("shell.sandbox"),
                        class_name="fb-chip fb-sandbox-chip",
                        tab_index=0,
                        custom_attrs={"data-tone": "outline"},
                    ),
                ),
            ),
            _find_button(),
            *[rx.el.span(action, class_name="fb-top-action") for action in actions],
            _phone_corner(area),
            class_name="fb-top-right",
        ),
        class_name="fb-top",
    )


def _trail(title: Child, crumbs: Sequence[Crumb]) -> rx.Component:
    parts: list[Child] = []
    for label, href in crumbs:
        inside = (
            route_link(label, href=href, class_name="fb-crumb fb-cut")
            if href is not None
            else rx.el.span(label, class_name="fb-crumb")
        )
        parts += [inside, icon("chevron-right", 14, class_name="fb-text-3 fb-crumb-mark")]
    return rx.el.nav(
        *parts,
        rx.el.h1(title, class_name="fb-here fb-cut"),
        class_name="fb-trail",
        custom_attrs={"aria-label": t("shell.trail")},
    )


def _find_button() -> rx.Component:
    return rx.el.button(
        icon("search", 15),
        rx.el.span(t("shell.find.label"), class_name="flex-1 text-left fb-find-label"),
        keys("mod", "K"),
        type="button",
        class_name="fb-find",
        custom_attrs={"data-fb-press": "palette", "aria-label": t("shell.find.label")},
    )


def _phone_corner(area: Role) -> rx.Component:
    pill = rx.cond(
        ShellState.available != "",
        route_link(
            amount(ShellState.available, size="small", class_name="fb-strong"),
            href="/balance",
            class_name="fb-balance-pill",
            custom_attrs={"aria-label": t("shell.balance_of")},
        ),
    )
    avatar = rx.el.button(
        rx.el.span(ShellState.initials, class_name="fb-avatar fb-avatar-large"),
        type="button",
        class_name="fb-avatar-button",
        custom_attrs={"aria-label": t("shell.account")},
    )
    return rx.el.span(
        pill if area is not Role.OPERATOR else None,
        _account_menu(avatar),
        class_name="fb-phone-only flex items-center gap-2",
    )


# ---- small screens ----


def _bottom_bar(here: str, area: Role) -> rx.Component:
    return rx.el.nav(
        *[
            route_link(
                icon(entry.icon, 19),
                rx.el.span(t(f"shell.nav.{entry.key}"), class_name="fb-cut"),
                href=entry.href,
                class_name="fb-bar-item",
                custom_attrs={"aria-current": "page"} if entry.key == here else {},
            )
            for entry in nav.entries_of(area)
            if entry.in_bar
        ],
        rx.el.button(
            icon("menu", 19),
            rx.el.span(t("shell.more")),
            type="button",
            class_name="fb-bar-item",
            custom_attrs={"data-fb-press": "drawer"},
        ),
        class_name="fb-bottom-bar",
        custom_attrs={"aria-label": t("shell.menu")},
    )


def _drawer(here: str, area: Role) -> rx.Component:
    return rx.dialog.root(
        rx.dialog.trigger(_hidden_trigger("drawer")),
        rx.dialog.content(
            rx.dialog.title(t("shell.menu"), class_name="fb-sr"),
            _sidebar(here, area),
            class_name="fb-drawer",
            aria_describedby="",
        ),
    )


def _hidden_trigger(name: str) -> rx.Component:
    return rx.el.button(
        name,
        type="button",
        class_name="fb-sr",
        tab_index=-1,
        custom_attrs={"data-fb-trigger": name, "aria-hidden": "true"},
    )


# ---- keyboard list ----


def _shortcut_list(area: Role) -> rx.Component:
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
        trigger=_hidden_trigger("shortcuts"),
    )
