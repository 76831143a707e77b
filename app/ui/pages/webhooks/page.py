"""The endpoints as a table, and the log of deliveries under it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    chip,
    column,
    data_table,
    empty_state,
    icon_button,
    link_button,
    pagination,
    panel,
    row,
    select,
    state_dot,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.webhooks.dialogs import delete_dialog, edit_dialog, reader, requests_dialog, rotate_dialog
from app.ui.pages.webhooks.owner_state import WebhookOwnerState
from app.ui.pages.webhooks.state import WebhooksState
from app.ui.roles import Role

OWNER = var(WebhookOwnerState)
PAGE = var(WebhooksState)


@page(
    "/webhooks",
    title=t("webhooks.title"),
    role=Role.CUSTOMER,
    on_load=WebhooksState.load,
)
def webhooks() -> rx.Component:
    return shell(
        rx.cond(
            WebhooksState.ready & ~PAGE.has_any,
            _nothing_yet(),
            column(_endpoints(), _log(), _requests(), class_name="gap-[14px]"),
        ),
        edit_dialog(),
        rotate_dialog(),
        delete_dialog(),
        requests_dialog(),
        reader(),
        here="webhooks",
        title=t("webhooks.title"),
        actions=[rx.cond(WebhooksState.may_manage, _add("n"))],
    )


def _add(key: str | None = None) -> rx.Component:
    return button(t("webhooks.add"), kind="solid", icon_name="plus", key=key, on_click=OWNER.open_create(True))


# ---- endpoints ----


def _endpoints() -> rx.Component:
    return panel(
        t("webhooks.endpoints"),
        data_table(
            [
                Column(t("webhooks.column.url"), _url, grow=True),
                Column(t("webhooks.column.types"), lambda one: one["types"], width="10rem", wide_only=True),
                Column(t("webhooks.column.state"), _state, width="9rem"),
                Column(t("webhooks.column.last"), _last, width="8rem", wide_only=True),
                Column(
                    rx.el.span(t("webhooks.column.actions"), class_name="fb-sr"), _acts, numeric=True, width="12rem"
                ),
            ],
            WebhooksState.endpoints,
            label=t("webhooks.endpoints"),
            phone=_endpoint_phone,
            quiet_row=lambda one: ~one["is_on"],
            loading=~var(WebhooksState.ready),
            empty=empty_state(
                "webhook", t("webhooks.none.title"), t("webhooks.none.sentence"), _owners(_add()), compact=True
            ),
        ),
        detail=WebhooksState.detail,
        actions=[
            rx.cond(
                WebhooksState.ready & ~var(WebhooksState.may_manage),
                rx.el.span(t("webhooks.only_owner"), class_name="fb-small"),
            )
        ],
        flush=True,
    )


def _url(one: Any) -> rx.Component:
    return column(
        rx.el.span(one["url"], class_name="fb-mono fb-cut", title=one["url"]),
        rx.cond(one["description"] != "", rx.el.span(one["description"], class_name="fb-small fb-cut")),
        rx.cond(one["rotating"] != "", rx.el.span(one["rotating"], class_name="fb-small fb-cut")),
        class_name="min-w-0",
    )


def _state(one: Any) -> rx.Component:
    return column(
        state_dot(one["state"], one["word"]),
        rx.cond(one["why"] != "", rx.el.span(one["why"], class_name="fb-small fb-cut", title=one["why"])),
        class_name="min-w-0",
    )


def _last(one: Any) -> rx.Component:
    return rx.el.span(one["last"], title=one["whole_last"])


def _acts(one: Any) -> rx.Component:
    """For owners: try it, change it, give it a new secret, turn it on or off, delete it."""
    on_off = rx.cond(
        one["is_on"],
        _act("pause", "webhooks.act.off", one, OWNER.switch(one["id"], False)),
        _act("play", "webhooks.act.on", one, OWNER.switch(one["id"], True)),
    )
    return _owners(
        rx.el.div(
            _act("send", "webhooks.act.test", one, OWNER.test(one["id"])),
            _act("pencil", "webhooks.act.edit", one, OWNER.open_edit(one["id"])),
            _act("key-round", "webhooks.act.rotate", one, OWNER.open_rotate(one["id"])),
            on_off,
            _act("trash-2", "webhooks.act.delete", one, OWNER.open_delete(one["id"])),
            class_name="fb-row-actions",
        )
    )


def _act(name: str, key: str, one: Any, event: Any) -> rx.Component:
    label = rx.Var.create(t(key) + " ") + one["url"]
    return icon_button(name, t(key), on_click=event, custom_attrs={"aria-label": label})


def _owners(what: rx.Component) -> rx.Component:
    return rx.cond(WebhooksState.may_manage, what)


def _endpoint_phone(one: Any) -> rx.Component:
    line = two_line(one["url"], one["types"], state_dot(one["state"], one["word"]), one["last"])
    return column(rx.el.div(line, class_name="min-w-0"), _acts(one), class_name="fb-webhook-phone")


# ---- the log ----


def _log() -> rx.Component:
    return card(
        row(
            rx.el.h2(t("webhooks.log"), class_name="fb-panel-title"),
            _choice("endpoint", WebhooksState.endpoint_choices, WebhooksState.endpoint, PAGE.choose_endpoint),
            _choice("type", WebhooksState.type_choices, WebhooksState.type, PAGE.choose_type),
            _choice("state", WebhooksState.state_choices, WebhooksState.state, PAGE.choose_state),
            rx.cond(
                WebhooksState.filtered,
                button(t("webhooks.filter.clear"), kind="ghost", icon_name="x", on_click=PAGE.clear),
            ),
            button(t("webhooks.refresh"), kind="ghost", icon_name="refresh-cw", key="r", on_click=PAGE.refresh),
            class_name="fb-filters",
            role="search",
        ),
        data_table(
            [
                Column(t("webhooks.column.time"), _time, width="8rem"),
                Column(t("webhooks.column.event"), _event, width="13rem"),
                Column(t("webhooks.column.to"), _to, grow=True),
                Column(t("webhooks.column.delivery"), lambda one: state_dot(one["state"], one["word"]), width="8rem"),
                Column(t("webhooks.column.answer"), _answer, width="11rem", wide_only=True),
                Column(t("webhooks.column.attempts"), lambda one: one["attempts"], numeric=True, width="5.5rem"),
            ],
            WebhooksState.deliveries,
            label=t("webhooks.log"),
            phone=_delivery_phone,
            loading=~var(WebhooksState.ready),
            empty=rx.cond(
                WebhooksState.filtered,
                empty_state(
                    "search-x",
                    t("webhooks.no_match.title"),
                    t("webhooks.no_match.sentence"),
                    button(t("webhooks.filter.clear"), on_click=PAGE.clear),
                    compact=True,
                ),
                empty_state("inbox", t("webhooks.nothing.title"), t("webhooks.nothing.sentence"), compact=True),
            ),
            footer=rx.cond(
                WebhooksState.has_next | WebhooksState.has_previous,
                pagination(
                    shown=WebhooksState.shown,
                    has_previous=WebhooksState.has_previous,
                    has_next=WebhooksState.has_next,
                    on_previous=PAGE.previous_page,
                    on_next=PAGE.next_page,
                ),
            ),
        ),
        class_name="fb-log",
    )


def _choice(name: str, options: Any, value: Any, on_change: Any) -> rx.Component:
    return rx.el.div(
        select(options, value=value, on_change=on_change, label=t(f"webhooks.filter.{name}")),
        class_name="fb-filter-choice",
        custom_attrs={"data-testid": f"filter-{name}"},
    )


def _time(one: Any) -> rx.Component:
    return rx.el.time(one["time"], title=one["whole_time"], class_name="fb-num")


def _event(one: Any) -> rx.Component:
    return row(
        rx.el.button(
            one["type"],
            type="button",
            class_name="fb-link fb-cut fb-medium fb-text-button",
            on_click=PAGE.open(one["id"]),
            custom_attrs={"data-testid": "delivery"},
        ),
        rx.cond(one["again"], chip(t("webhooks.again"))),
        class_name="min-w-0 gap-2",
    )


def _to(one: Any) -> rx.Component:
    return rx.el.span(one["url"], class_name="fb-mono fb-cut fb-block", title=one["url"])


def _answer(one: Any) -> rx.Component:
    return rx.el.span(one["answer"], class_name="fb-text-2 fb-cut fb-block", title=one["answer"])


def _delivery_phone(one: Any) -> rx.Component:
    return rx.el.button(
        two_line(one["type"], one["url"], state_dot(one["state"], one["word"]), one["time"]),
        type="button",
        class_name="fb-phone-link",
        on_click=PAGE.open(one["id"]),
    )


# ---- the rest ----


def _requests() -> rx.Component:
    has = WebhooksState.has_request_secret
    return panel(
        t("webhooks.requests.title"),
        row(
            rx.el.p(t("webhooks.requests.sentence"), class_name="fb-text-2 flex-1"),
            _owners(
                button(
                    rx.cond(has, t("webhooks.requests.renew"), t("webhooks.requests.make")),
                    icon_name="key-round",
                    on_click=OWNER.open_requests(True),
                )
            ),
            class_name="flex-wrap gap-3",
        ),
    )


def _nothing_yet() -> rx.Component:
    return empty_state(
        "webhook",
        t("webhooks.empty.title"),
        rx.fragment(
            t("webhooks.empty.sentence"),
            rx.cond(WebhooksState.may_manage, rx.fragment(), rx.fragment(" ", t("webhooks.only_owner"))),
        ),
        _owners(_add()),
        link_button(t("webhooks.empty.docs"), href="/v1/docs", native=True, icon_name="book-open"),
    )
