"""The keys as a table, with the dialogs that change them."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    check,
    copy_button,
    data_table,
    decision,
    dialog,
    empty_state,
    field,
    icon_button,
    link_button,
    notice,
    panel,
    row,
    state_dot,
    text_input,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.keys.limits_state import KeyLimitsState, KeyRotationState
from app.ui.pages.keys.limits_view import limits_dialog, rotate_dialog
from app.ui.pages.keys.state import KeyOwnerState, KeysState
from app.ui.roles import Role

OWNER = var(KeyOwnerState)


@page(
    "/keys",
    title=t("keys.title"),
    role=Role.CUSTOMER,
    on_load=KeysState.load,
)
def keys() -> rx.Component:
    create = rx.cond(
        KeysState.may_manage,
        button(t("keys.create"), kind="solid", icon_name="plus", key="n", on_click=OWNER.open_create(True)),
    )
    return shell(
        rx.cond(KeysState.ready & ~var(KeysState.has_any), _nothing_yet(), _list()),
        _create_dialog(),
        _rename_dialog(),
        _revoke_dialog(),
        limits_dialog(),
        rotate_dialog(),
        here="keys",
        title=t("keys.title"),
        actions=[create],
    )


def _list() -> rx.Component:
    return panel(
        t("keys.caption"),
        data_table(
            [
                Column(t("keys.column.name"), _name, grow=True),
                Column(
                    t("keys.column.hint"), lambda item: rx.el.span(item["hint"], class_name="fb-mono"), width="9rem"
                ),
                Column(t("keys.column.state"), lambda item: state_dot(item["state"], item["word"]), width="8rem"),
                Column(t("keys.column.spent"), _spent, numeric=True, width="9rem"),
                Column(t("keys.column.limits"), _limits, width="17rem", wide_only=True),
                Column(t("keys.column.used"), _used, width="7rem"),
                Column(t("keys.column.created"), _created, width="6.5rem", wide_only=True),
                Column(rx.el.span(t("keys.column.actions"), class_name="fb-sr"), _actions, numeric=True, width="9rem"),
            ],
            KeysState.rows,
            label=t("keys.caption"),
            phone=_phone,
            quiet_row=lambda item: item["is_revoked"],
            loading=~var(KeysState.ready),
        ),
        detail=KeysState.in_use,
        actions=[
            rx.cond(
                KeysState.has_revoked,
                check(t("keys.show_revoked"), checked=KeysState.with_revoked, on_change=KeysState.choose_revoked),
            ),
            rx.cond(
                KeysState.ready & ~var(KeysState.may_manage), rx.el.span(t("keys.only_owner"), class_name="fb-small")
            ),
        ],
        flush=True,
        class_name="fb-keys-list",
    )


def _name(item: Any) -> rx.Component:
    return rx.el.span(item["name"], class_name="fb-medium", title=item["name"])


def _spent(item: Any) -> rx.Component:
    """What it spent this month, and of how much."""
    return rx.el.span(
        item["spent"],
        rx.cond(item["budget"] != "", rx.el.span(item["budget"], class_name="fb-small")),
        class_name="fb-num",
        custom_attrs={"data-tone": rx.cond(item["is_spent"], "loss", "neutral")},
    )


def _limits(item: Any) -> rx.Component:
    return rx.el.span(
        item["limits"],
        rx.cond(item["ends"] != "", rx.fragment(rx.cond(item["limits"] != "", " · ", ""), item["ends"])),
        class_name="fb-text-2 fb-cut fb-block",
        title=item["limits"],
    )


def _used(item: Any) -> rx.Component:
    return rx.el.span(item["used"], title=item["whole_used"])


def _created(item: Any) -> rx.Component:
    return rx.el.time(item["created"], title=item["whole_created"] + ", " + item["created_by"], class_name="fb-num")


def _actions(item: Any) -> rx.Component:
    """What is done to a key, for owners and keys that still work."""
    both = rx.el.div(
        icon_button(
            "gauge",
            t("keys.column.limits"),
            on_click=var(KeyLimitsState).open_limits(item["id"]),
            custom_attrs={"aria-label": _about("keys.limits.label", item)},
        ),
        icon_button(
            "refresh-cw",
            t("keys.rotate.submit"),
            on_click=var(KeyRotationState).open_rotate(item["id"]),
            custom_attrs={"aria-label": _about("keys.rotate.label", item)},
        ),
        icon_button(
            "pencil",
            t("keys.rename.title"),
            on_click=OWNER.open_rename(item["id"]),
            custom_attrs={"aria-label": _about("keys.rename.label", item)},
        ),
        icon_button(
            "ban",
            t("keys.revoke.submit"),
            on_click=OWNER.open_revoke(item["id"]),
            custom_attrs={"aria-label": _about("keys.revoke.label", item)},
        ),
        class_name="fb-row-actions",
    )
    return rx.cond(KeysState.may_manage & ~item["is_revoked"], both)


def _about(key: str, item: Any) -> rx.Var:  # type: ignore[type-arg]
    """A sentence of the catalogue with the row's name in it."""
    before, _, after = t(key, name="\n").partition("\n")
    return rx.Var.create(before) + item["name"] + after


def _phone(item: Any) -> rx.Component:
    line = two_line(item["name"], item["hint"], state_dot(item["state"], item["word"]), item["used"])
    return row(rx.el.div(line, class_name="flex-1 min-w-0"), _actions(item), class_name="fb-key-phone")


def _nothing_yet() -> rx.Component:
    return empty_state(
        "key-round",
        t("keys.empty.title"),
        rx.fragment(
            t("keys.empty.sentence"),
            rx.cond(KeysState.may_manage, rx.fragment(), rx.fragment(" ", t("keys.empty.member"))),
        ),
        rx.cond(
            KeysState.may_manage,
            button(t("keys.create"), kind="solid", icon_name="plus", on_click=OWNER.open_create(True)),
        ),
        link_button(t("keys.empty.docs"), href="/v1/docs", native=True, icon_name="book-open"),
    )


# ---- dialogs ----


def _create_dialog() -> rx.Component:
    made = OWNER.secret != ""
    return dialog(
        rx.cond(made, _made(), _name_field("new-key-name", OWNER.create_key)),
        title=rx.cond(made, _titled("keys.made.title"), t("keys.new.title")),
        detail=rx.cond(made, t("keys.made.warning"), t("keys.new.detail")),
        footer=[
            rx.cond(
                made,
                button(t("keys.made.done"), kind="solid", on_click=OWNER.open_create(False)),
                rx.fragment(*decision(t("keys.new.submit"), OWNER.create_key)),
            )
        ],
        is_open=OWNER.creating,
        on_open_change=OWNER.open_create,
    )


def _made() -> rx.Component:
    return rx.fragment(
        field(
            t("keys.made.label"),
            row(
                rx.el.code(OWNER.secret, class_name="fb-secret fb-mono", custom_attrs={"data-testid": "new-secret"}),
                copy_button(OWNER.secret, t("keys.made.copy"), small=False),
                class_name="flex-wrap",
            ),
        ),
        field(
            t("keys.made.example"),
            rx.el.pre(OWNER.example, class_name="fb-code fb-scroll", tab_index=0),
            aside=copy_button(OWNER.example, t("keys.made.copy_example")),
        ),
    )


def _name_field(field_id: str, on_enter: Any) -> rx.Component:
    return field(
        t("keys.new.name"),
        text_input(
            id=field_id,
            default_value=OWNER.name,
            on_change=OWNER.write_name,
            on_key_down=lambda key: rx.cond(key == "Enter", on_enter, rx.noop()),
            placeholder=t("keys.new.placeholder"),
            auto_focus=True,
            auto_complete="off",
            max_length=80,
            custom_attrs={"aria-invalid": rx.cond(OWNER.error != "", "true", "false")},
        ),
        hint=t("keys.new.name_hint"),
        error=OWNER.error,
        for_id=field_id,
    )


def _rename_dialog() -> rx.Component:
    return dialog(
        _name_field("key-name", OWNER.rename_key),
        title=t("keys.rename.title"),
        footer=decision(t("keys.rename.submit"), OWNER.rename_key),
        is_open=OWNER.renaming != "",
        on_open_change=OWNER.close_rename,
    )


def _revoke_dialog() -> rx.Component:
    return dialog(
        notice(t("keys.revoke.warning"), tone="thin"),
        title=_titled("keys.revoke.title"),
        footer=decision(t("keys.revoke.submit"), OWNER.revoke_key, leave=t("keys.revoke.keep"), icon_name="ban"),
        is_open=OWNER.revoking != "",
        on_open_change=OWNER.close_revoke,
    )


def _titled(key: str) -> rx.Var:  # type: ignore[type-arg]
    before, _, after = t(key, name="\n").partition("\n")
    return rx.Var.create(before) + OWNER.subject + after
