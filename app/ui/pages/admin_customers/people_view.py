"""The people of a customer, and the two dialogs about who they are: another name, and who may sign in."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, chip, decision, dialog, field, icon_button, notice, panel, row, text_input, var
from app.ui.pages.admin_customers.detail_state import CustomerState
from app.ui.pages.admin_customers.people_state import CustomerPeopleState

PEOPLE = var(CustomerPeopleState)


def members_card() -> rx.Component:
    """Everyone in the workspace; each can be shut out, or let in again."""
    return panel(
        t("admin_customers.members.title"),
        rx.cond(
            var(CustomerState.members).length() > 0,
            rx.el.ul(rx.foreach(CustomerState.members, _member), class_name="fb-entries"),
            rx.el.p(t("admin_customers.members.none"), class_name="fb-text-2 p-[14px]"),
        ),
        actions=[
            button(
                t("admin_customers.invite.verb"),
                size="small",
                icon_name="user-plus",
                on_click=PEOPLE.open_invite(True),
                custom_attrs={"data-testid": "invite"},
            )
        ],
        flush=True,
    )


def _member(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            row(
                rx.el.span(one["name"], class_name="fb-medium fb-cut", title=one["name"]),
                rx.cond(one["invited"], chip(t("team.state.invited"), tone="outline")),
                rx.cond(one["disabled"], chip(t("admin_customers.members.disabled"), tone="thin", icon_name="lock")),
            ),
            rx.el.span(one["email"], class_name="fb-small fb-cut", title=one["email"]),
            class_name="flex flex-col flex-1 min-w-0",
        ),
        rx.el.span(one["role"], class_name="fb-small"),
        rx.cond(
            one["disabled"],
            _act(one, "user-check"),
            _act(one, "user-x"),
        ),
        class_name="fb-entry",
        key=one["id"],
        custom_attrs={"data-testid": "member"},
    )


def _act(one: Any, icon_name: str) -> rx.Component:
    return icon_button(
        icon_name, one["act"], on_click=PEOPLE.ask(one["id"]), custom_attrs={"data-testid": "ask-disable"}
    )


def rename_dialog() -> rx.Component:
    """Another name of the workspace."""
    return dialog(
        field(
            t("admin_customers.rename.name"),
            text_input(
                default_value=PEOPLE.name,
                on_change=PEOPLE.write_name,
                id="workspace-name",
                auto_complete="off",
                max_length=80,
            ),
            hint=t("admin_customers.rename.hint"),
            error=PEOPLE.name_error,
            for_id="workspace-name",
        ),
        title=t("admin_customers.rename.verb"),
        is_open=PEOPLE.renaming,
        on_open_change=PEOPLE.rename_opened,
        footer=decision(t("admin_customers.rename.verb"), PEOPLE.rename, test_id="confirm-rename"),
    )


def invite_dialog() -> rx.Component:
    """Who is to own the workspace."""
    return dialog(
        _invited("email", t("team.invite.email"), type="email"),
        _invited("name", t("team.invite.name")),
        rx.cond(PEOPLE.errors[""] != "", notice(PEOPLE.errors[""])),
        title=t("admin_customers.invite.verb"),
        detail=t("team.invite.detail"),
        is_open=PEOPLE.inviting,
        on_open_change=PEOPLE.open_invite,
        footer=decision(t("team.invite.submit"), PEOPLE.invite, test_id="confirm-invite"),
    )


def _invited(name: str, label: str, **props: Any) -> rx.Component:
    control = text_input(
        default_value=PEOPLE.invited[name],
        on_change=lambda text: PEOPLE.write_invited(name, text),
        id=f"invite-{name}",
        auto_complete="off",
        max_length=254,
        **props,
    )
    return field(label, control, error=PEOPLE.errors[name], for_id=f"invite-{name}")


def disable_dialog() -> rx.Component:
    """Say what it means for the person, their sessions and the keys before it is done."""
    person = PEOPLE.person
    verb = rx.cond(person["disabled"], t("admin_customers.enable.verb"), t("admin_customers.disable.verb"))
    return dialog(
        rx.el.p(person["words"]),
        rx.cond(PEOPLE.problem != "", notice(PEOPLE.problem)),
        title=verb,
        detail=person["email"],
        is_open=person["id"] != "",
        on_open_change=PEOPLE.asked,
        footer=decision(
            verb, CustomerPeopleState.set_disabled, leave=t("admin_customers.disable.keep"), test_id="confirm-disable"
        ),
    )
