"""The people as a table, with the dialogs that change who they are here."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    check,
    chip,
    column,
    data_table,
    decision,
    dialog,
    field,
    icon_button,
    notice,
    panel,
    row,
    segmented,
    state_dot,
    text_input,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.team.state import TeamOwnerState, TeamState
from app.ui.roles import Role

OWNER = var(TeamOwnerState)


@page("/team", title=t("team.title"), role=Role.CUSTOMER, on_load=TeamState.load)
def team() -> rx.Component:
    invite = rx.cond(
        TeamState.may_manage,
        button(t("team.invite.verb"), kind="solid", icon_name="user-plus", key="n", on_click=OWNER.open_invite(True)),
    )
    return shell(
        _list(),
        _invite_dialog(),
        _turn_dialog(),
        _remove_dialog(),
        here="team",
        title=t("team.title"),
        actions=[invite],
    )


def _list() -> rx.Component:
    return panel(
        t("team.caption"),
        data_table(
            [
                Column(t("team.column.person"), _person, grow=True),
                Column(t("team.column.role"), lambda one: one["role"], width="8rem"),
                Column(t("team.column.state"), lambda one: state_dot(one["state"], one["word"]), width="9rem"),
                Column(t("team.column.keys"), lambda one: one["keys"], numeric=True, width="7rem", wide_only=True),
                Column(rx.el.span(t("team.column.actions"), class_name="fb-sr"), _actions, numeric=True, width="8rem"),
            ],
            TeamState.rows,
            label=t("team.caption"),
            phone=_phone,
            loading=~var(TeamState.ready),
        ),
        actions=[
            rx.cond(
                TeamState.ready & ~var(TeamState.may_manage), rx.el.span(t("team.only_owner"), class_name="fb-small")
            )
        ],
        flush=True,
    )


def _person(one: Any) -> rx.Component:
    return column(
        row(
            rx.el.span(one["name"], class_name="fb-medium fb-cut", title=one["name"]),
            rx.cond(one["is_you"], chip(t("team.you"), tone="outline")),
        ),
        rx.el.span(one["email"], class_name="fb-small fb-cut", title=one["email"]),
        class_name="gap-0 min-w-0 py-1",
    )


def _actions(one: Any) -> rx.Component:
    return rx.cond(
        TeamState.may_manage,
        rx.el.div(
            rx.cond(
                one["is_invited"],
                icon_button("mail", one["again"], on_click=OWNER.invite_again(one["id"])),
            ),
            icon_button("user-cog", one["turn"], on_click=OWNER.ask_turn(one["id"])),
            icon_button("user-minus", one["remove"], on_click=OWNER.ask_remove(one["id"])),
            class_name="fb-row-actions",
        ),
    )


def _phone(one: Any) -> rx.Component:
    line = two_line(one["name"], one["email"], one["role"], one["word"])
    return row(rx.el.div(line, class_name="flex-1 min-w-0"), _actions(one), class_name="fb-key-phone")


# ---- dialogs ----


def _invite_dialog() -> rx.Component:
    return dialog(
        _field("email", t("team.invite.email"), type="email"),
        _field("name", t("team.invite.name")),
        field(
            t("team.column.role"),
            segmented(
                [("member", t("team.role.member")), ("owner", t("team.role.owner"))],
                value=OWNER.role,
                on_change=OWNER.choose_role,
                label=t("team.column.role"),
            ),
        ),
        rx.el.p(rx.cond(OWNER.role == "owner", t("team.may.owner"), t("team.may.member")), class_name="fb-small"),
        rx.cond(OWNER.errors[""] != "", notice(OWNER.errors[""])),
        title=t("team.invite.verb"),
        detail=t("team.invite.detail"),
        is_open=OWNER.inviting,
        on_open_change=OWNER.open_invite,
        footer=decision(t("team.invite.submit"), TeamOwnerState.invite, test_id="confirm-invite"),
    )


def _field(name: str, label: str, **props: Any) -> rx.Component:
    control = text_input(
        default_value=OWNER.values[name],
        on_change=lambda text: OWNER.write(name, text),
        id=f"invite-{name}",
        auto_complete="off",
        max_length=254,
        **props,
    )
    return field(label, control, error=OWNER.errors[name], for_id=f"invite-{name}")


def _turn_dialog() -> rx.Component:
    one = OWNER.turning
    return dialog(
        rx.el.p(rx.cond(one["is_owner"], t("team.may.member"), t("team.may.owner"))),
        rx.cond(OWNER.problem != "", notice(OWNER.problem)),
        title=one["turn"],
        detail=one["email"],
        is_open=one["id"] != "",
        on_open_change=OWNER.turn_asked,
        footer=decision(one["turn"], TeamOwnerState.turn, test_id="confirm-turn"),
    )


def _remove_dialog() -> rx.Component:
    one = OWNER.removing
    return dialog(
        rx.el.p(t("team.remove.words")),
        rx.cond(
            one["made"] != "",
            check(
                t("team.remove.keys"),
                checked=OWNER.with_keys,
                on_change=OWNER.choose_keys,
                detail=rx.fragment(one["made"], ". ", t("team.remove.keys_detail")),
            ),
        ),
        rx.cond(OWNER.problem != "", notice(OWNER.problem)),
        title=one["remove"],
        detail=one["email"],
        is_open=one["id"] != "",
        on_open_change=OWNER.remove_asked,
        footer=decision(one["remove"], TeamOwnerState.remove, leave=t("team.remove.keep"), test_id="confirm-remove"),
    )
