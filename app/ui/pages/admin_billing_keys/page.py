"""The billing keys as a table, with the dialogs that issue and revoke them."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.plans.keys import AREAS
from app.ui.components import (
    Column,
    button,
    check,
    column,
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
    segmented,
    state_dot,
    text_input,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_billing_keys.rows import WAYS
from app.ui.pages.admin_billing_keys.state import CHOICES, BillingKeysState
from app.ui.roles import Role

STATE = var(BillingKeysState)


@page("/admin/billing-keys", title=t("admin_billing_keys.title"), role=Role.OPERATOR, on_load=BillingKeysState.load)
def admin_billing_keys() -> rx.Component:
    return shell(
        rx.cond(BillingKeysState.ready & ~STATE.has_any, _nothing_yet(), _list()),
        _create_dialog(),
        _revoke_dialog(),
        here="billing_keys",
        title=t("admin_billing_keys.title"),
        area=Role.OPERATOR,
        actions=[_create(key="n")],
    )


def _create(**props: Any) -> rx.Component:
    return button(
        t("admin_billing_keys.issue"), kind="solid", icon_name="plus", on_click=STATE.open_create(True), **props
    )


def _list() -> rx.Component:
    return panel(
        t("admin_billing_keys.caption"),
        data_table(
            [
                Column(t("keys.column.name"), _name, grow=True),
                Column(
                    t("keys.column.hint"), lambda item: rx.el.span(item["hint"], class_name="fb-mono"), width="9rem"
                ),
                Column(t("admin_billing_keys.may.title"), _may, width="18rem", wide_only=True),
                Column(t("keys.column.state"), lambda item: state_dot(item["state"], item["word"]), width="8rem"),
                Column(t("keys.column.used"), lambda item: rx.el.span(item["used"]), width="7rem"),
                Column(t("keys.column.created"), _created, width="6.5rem", wide_only=True),
                Column(rx.el.span(t("keys.column.actions"), class_name="fb-sr"), _actions, numeric=True, width="4rem"),
            ],
            BillingKeysState.rows,
            label=t("admin_billing_keys.caption"),
            phone=_phone,
            quiet_row=lambda item: item["is_revoked"],
            loading=~var(BillingKeysState.ready),
        ),
        actions=[
            rx.cond(
                BillingKeysState.has_revoked,
                check(t("keys.show_revoked"), checked=BillingKeysState.with_revoked, on_change=STATE.choose_revoked),
            )
        ],
        flush=True,
    )


def _name(item: Any) -> rx.Component:
    return rx.el.span(item["name"], class_name="fb-medium", title=item["name"])


def _may(item: Any) -> rx.Component:
    return rx.el.span(item["may"], class_name="fb-text-2 fb-cut fb-block", title=item["may"])


def _created(item: Any) -> rx.Component:
    return rx.el.time(item["created"], title=item["whole_created"], class_name="fb-num")


def _actions(item: Any) -> rx.Component:
    revoke = icon_button(
        "ban",
        t("keys.revoke.submit"),
        on_click=STATE.open_revoke(item["id"]),
        custom_attrs={"aria-label": _about(item)},
    )
    return rx.cond(~item["is_revoked"], rx.el.div(revoke, class_name="fb-row-actions"))


def _about(item: Any) -> rx.Var:  # type: ignore[type-arg]
    before, _, after = t("keys.revoke.label", name="\n").partition("\n")
    return rx.Var.create(before) + item["name"] + after


def _phone(item: Any) -> rx.Component:
    line = two_line(item["name"], item["may"], state_dot(item["state"], item["word"]), item["used"])
    return row(rx.el.div(line, class_name="flex-1 min-w-0"), _actions(item), class_name="fb-key-phone")


def _nothing_yet() -> rx.Component:
    return empty_state(
        "key-square",
        t("admin_billing_keys.empty.title"),
        t("admin_billing_keys.empty.sentence"),
        _create(),
        link_button(t("admin_billing_keys.docs"), href="/billing/v1/docs", native=True, icon_name="book-open"),
    )


# ---- dialogs ----


def _create_dialog() -> rx.Component:
    made = BillingKeysState.secret != ""
    return dialog(
        rx.cond(made, _made(), _form()),
        title=rx.cond(made, _titled("keys.made.title"), t("admin_billing_keys.issue")),
        detail=rx.cond(made, t("keys.made.warning"), t("admin_billing_keys.detail")),
        footer=[
            rx.cond(
                made,
                button(t("keys.made.done"), kind="solid", on_click=STATE.open_create(False)),
                rx.fragment(*decision(t("admin_billing_keys.issue"), STATE.create_key, test_id="issue-key")),
            )
        ],
        is_open=BillingKeysState.creating,
        on_open_change=STATE.open_create,
    )


def _form() -> rx.Component:
    return column(
        field(
            t("keys.new.name"),
            text_input(
                id="billing-key-name",
                default_value=BillingKeysState.name,
                on_change=STATE.write_name,
                placeholder=t("admin_billing_keys.placeholder"),
                auto_focus=True,
                auto_complete="off",
                max_length=80,
            ),
            hint=t("keys.new.name_hint"),
            error=BillingKeysState.error,
            for_id="billing-key-name",
        ),
        field(
            t("admin_billing_keys.may.title"),
            segmented(
                [(each, t(f"admin_billing_keys.choice.{each}")) for each in CHOICES],
                value=BillingKeysState.may,
                on_change=STATE.choose_may,
                label=t("admin_billing_keys.may.title"),
            ),
        ),
        rx.cond(BillingKeysState.may == CHOICES[-1], column(*[_area(area) for area in AREAS], class_name="gap-2")),
        class_name="gap-[14px]",
    )


def _area(area: str) -> rx.Component:
    name = t(f"admin_billing_keys.area.{area}")
    return row(
        rx.el.span(name, class_name="fb-medium flex-1"),
        segmented(
            [(way, t(f"admin_billing_keys.way.{way}")) for way in WAYS],
            value=BillingKeysState.chosen[area],
            on_change=lambda way: STATE.choose_area(area, way),
            label=name,
            small=True,
            full=False,
        ),
    )


def _made() -> rx.Component:
    return rx.fragment(
        field(
            t("keys.made.label"),
            row(
                rx.el.code(
                    BillingKeysState.secret, class_name="fb-secret fb-mono", custom_attrs={"data-testid": "new-secret"}
                ),
                copy_button(BillingKeysState.secret, t("keys.made.copy"), small=False),
                class_name="flex-wrap",
            ),
        ),
        field(
            t("keys.made.example"),
            rx.el.pre(BillingKeysState.example, class_name="fb-code fb-scroll", tab_index=0),
            aside=copy_button(BillingKeysState.example, t("keys.made.copy_example")),
        ),
    )


def _revoke_dialog() -> rx.Component:
    return dialog(
        notice(t("keys.revoke.warning"), tone="thin"),
        title=_titled("keys.revoke.title"),
        footer=decision(t("keys.revoke.submit"), STATE.revoke_key, leave=t("keys.revoke.keep"), icon_name="ban"),
        is_open=BillingKeysState.revoking != "",
        on_open_change=STATE.close_revoke,
    )


def _titled(key: str) -> rx.Var:  # type: ignore[type-arg]
    before, _, after = t(key, name="\n").partition("\n")
    return rx.Var.create(before) + BillingKeysState.subject + after
