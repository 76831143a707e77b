"""The top bar of every page, and what a phone has besides: the bottom bar and the drawer."""

from collections.abc import Sequence

import reflex as rx

from app.kernel.text import t
from app.ui import nav
from app.ui.brand import mark
from app.ui.components import amount, icon, icon_button, keys, route_link, row, tip
from app.ui.components.base import Child
from app.ui.roles import Role
from app.ui.shell_state import ShellState
from app.ui.sidebar import account_menu, sidebar

Crumb = tuple[Child, str | None]


def top_bar(
    title: Child, here: str, area: Role, crumbs: Sequence[Crumb], actions: Sequence[Child], chips: Sequence[Child]
) -> rx.Component:
    """Where one is, what can be done here, and "Find any id"."""
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
            _phone_corner(here, area),
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


def _phone_corner(here: str, area: Role) -> rx.Component:
    """The balance in whole credits, where the page itself does not say it, and who is here."""
    pill = rx.cond(
        ShellState.available != "",
        route_link(
            amount(ShellState.available_brief, size="small", class_name="fb-strong"),
            href="/balance",
            class_name="fb-balance-pill",
            title=ShellState.available,
            custom_attrs={"aria-label": rx.Var.create(t("shell.balance_of") + " ") + ShellState.available},
        ),
    )
    avatar = rx.el.button(
        rx.el.span(ShellState.initials, class_name="fb-avatar fb-avatar-large"),
        type="button",
        class_name="fb-avatar-button",
        custom_attrs={"aria-label": t("shell.account")},
    )
    return rx.el.span(
        pill if area is not Role.OPERATOR and here != "balance" else None,
        account_menu(avatar),
        class_name="fb-phone-only flex items-center gap-2",
    )


def bottom_bar(here: str, area: Role) -> rx.Component:
    """The five ways on a phone."""
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


def drawer(here: str, area: Role) -> rx.Component:
    """The sidebar over the page, on a phone."""
    return rx.dialog.root(
        rx.dialog.trigger(hidden_trigger("drawer")),
        rx.dialog.content(
            rx.dialog.title(t("shell.menu"), class_name="fb-sr"),
            sidebar(here, area),
            class_name="fb-drawer",
            aria_describedby="",
        ),
    )


def hidden_trigger(name: str) -> rx.Component:
    """What a key or another button presses, unseen: `data-fb-press="name"`."""
    return rx.el.button(
        name,
        type="button",
        class_name="fb-sr",
        tab_index=-1,
        custom_attrs={"data-fb-trigger": name, "aria-hidden": "true"},
    )
