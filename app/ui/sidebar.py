"""The sidebar: on the background of every page, and in the drawer of a phone."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui import nav
from app.ui.account import AccountState
from app.ui.brand import mark, theme_toggle
from app.ui.components import amount, icon, icon_button, link_button, native_form, popover, route_link, row, var
from app.ui.components.base import classes
from app.ui.roles import Role
from app.ui.shell_state import ShellState


def sidebar(here: str, area: Role) -> rx.Component:
    """Which side of the house, the pages, the balance, and whose session it is."""
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
        rx.el.div(
            route_link(
                row(
                    rx.el.span(t("shell.available"), class_name="fb-caption flex-1"),
                    rx.el.span(ShellState.held, class_name="fb-caption fb-num"),
                ),
                amount(ShellState.available, class_name="fb-total"),
                href="/balance",
                class_name="fb-balance-link",
            ),
            link_button(t("shell.get_credits"), href="/top-up", kind="soft", size="small"),
            class_name="fb-balance-card fb-when-wide",
        ),
    )


def _user_row() -> rx.Component:
    return rx.el.div(
        account_menu(
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


def account_menu(trigger: rx.Component) -> rx.Component:
    """Signed in as whom, the other side, and signing out."""
    return popover(
        trigger,
        rx.el.div(
            rx.el.span(ShellState.name, class_name="fb-strong fb-cut"),
            rx.el.span(ShellState.email, class_name="fb-small fb-cut"),
            class_name="fb-menu-head",
        ),
        _menu_button("user-pen", t("shell.you.verb"), on_click=var(AccountState.opened)(True)),
        route_link(
            icon("lock-keyhole", 15), rx.el.span(t("shell.password")), href="/password", class_name="fb-menu-item"
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
