"""The dialogs: make or change an endpoint, a new secret, delete, and one delivery as it went over the wire."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    check,
    chip,
    closes,
    column,
    copy_button,
    copyable,
    decision,
    definition,
    dialog,
    field,
    notice,
    row,
    segmented,
    state_dot,
    text_input,
    var,
)
from app.ui.pages.webhooks.owner_state import WebhookOwnerState
from app.ui.pages.webhooks.state import WebhooksState

OWNER = var(WebhookOwnerState)
PAGE = var(WebhooksState)


def edit_dialog() -> rx.Component:
    made = OWNER.secret != ""
    title = rx.cond(OWNER.subject != "", t("webhooks.edit.title"), t("webhooks.new.title"))
    return dialog(
        rx.cond(made, _secret(), _form()),
        title=rx.cond(made, t("webhooks.secret.title"), title),
        detail=rx.cond(made, t("webhooks.secret.warning"), t("webhooks.new.detail")),
        footer=[
            rx.cond(
                made,
                button(t("webhooks.secret.done"), kind="solid", on_click=OWNER.open_create(False)),
                rx.fragment(
                    *decision(rx.cond(OWNER.subject != "", t("webhooks.edit.submit"), t("webhooks.add")), OWNER.save)
                ),
            )
        ],
        is_open=OWNER.editing,
        on_open_change=OWNER.open_create,
    )


def _form() -> rx.Component:
    return column(
        field(
            t("webhooks.new.url"),
            text_input(
                id="webhook-url",
                mono=True,
                type="url",
                default_value=OWNER.url,
                on_change=OWNER.write_url,
                on_key_down=lambda key: rx.cond(key == "Enter", OWNER.save, rx.noop()),
                placeholder="https://example.com/webhooks/farebox",
                auto_focus=True,
                auto_complete="off",
                max_length=1000,
                custom_attrs={"aria-invalid": rx.cond(OWNER.url_error != "", "true", "false")},
            ),
            hint=t("webhooks.new.url_hint"),
            error=OWNER.url_error,
            for_id="webhook-url",
        ),
        field(
            t("webhooks.new.description"),
            text_input(
                id="webhook-description",
                default_value=OWNER.description,
                on_change=OWNER.write_description,
                placeholder=t("webhooks.new.placeholder"),
                auto_complete="off",
                max_length=120,
            ),
            hint=t("webhooks.new.optional"),
            for_id="webhook-description",
        ),
        _events(),
        class_name="gap-[12px]",
    )


def _events() -> rx.Component:
    """Everything, or some of it by name."""
    return rx.fragment(
        field(
            t("webhooks.new.events"),
            segmented(
                [("all", t("webhooks.types.all")), ("some", t("webhooks.types.choose"))],
                value=rx.cond(OWNER.every, "all", "some"),
                on_change=OWNER.choose_every,
                label=t("webhooks.new.events"),
            ),
            error=OWNER.error,
        ),
        rx.cond(
            ~OWNER.every,
            rx.el.div(
                rx.foreach(
                    OWNER.events,
                    lambda one: check(
                        rx.el.span(one["name"], class_name="fb-mono"),
                        checked=one["chosen"],
                        on_change=lambda chosen: OWNER.choose_event(one["name"], chosen),
                        detail=one["says"],
                    ),
                ),
                class_name="fb-webhook-events",
                role="group",
                custom_attrs={"aria-label": t("webhooks.new.events")},
            ),
        ),
    )


def _secret() -> rx.Component:
    return column(
        field(
            t("webhooks.secret.label"),
            row(
                rx.el.code(OWNER.secret, class_name="fb-secret fb-mono", custom_attrs={"data-testid": "new-secret"}),
                copy_button(OWNER.secret, t("webhooks.secret.copy"), small=False),
                class_name="flex-wrap",
            ),
        ),
        rx.el.p(t("webhooks.secret.how"), class_name="fb-text-2"),
        class_name="gap-[12px]",
    )


def rotate_dialog() -> rx.Component:
    return _secret_dialog(
        t("webhooks.rotate.title"),
        notice(t("webhooks.rotate.warning"), tone="thin"),
        t("webhooks.rotate.submit"),
        OWNER.rotate,
        OWNER.rotating,
        OWNER.close_rotate,
    )


def requests_dialog() -> rx.Component:
    return _secret_dialog(
        t("webhooks.requests.title"),
        rx.cond(
            WebhooksState.has_request_secret,
            notice(t("webhooks.rotate.warning"), tone="thin"),
            rx.el.p(t("webhooks.requests.sentence"), class_name="fb-text-2"),
        ),
        rx.cond(WebhooksState.has_request_secret, t("webhooks.requests.renew"), t("webhooks.requests.make")),
        OWNER.make_request_secret,
        OWNER.of_requests,
        OWNER.open_requests,
    )


def _secret_dialog(title: Any, before: rx.Component, submit: Any, act: Any, is_open: Any, close: Any) -> rx.Component:
    """Ask first, then show the secret, once."""
    made = OWNER.secret != ""
    return dialog(
        rx.cond(made, _secret(), before),
        title=rx.cond(made, t("webhooks.secret.title"), title),
        detail=rx.cond(made, t("webhooks.secret.warning"), OWNER.address),
        footer=[
            rx.cond(
                made,
                button(t("webhooks.secret.done"), kind="solid", on_click=close(False)),
                rx.fragment(*decision(submit, act, icon_name="key-round")),
            )
        ],
        is_open=is_open,
        on_open_change=close,
    )


def delete_dialog() -> rx.Component:
    return dialog(
        notice(t("webhooks.delete.warning"), tone="thin"),
        title=t("webhooks.delete.title"),
        detail=OWNER.address,
        footer=decision(
            t("webhooks.delete.submit"), OWNER.delete, leave=t("webhooks.delete.keep"), icon_name="trash-2"
        ),
        is_open=OWNER.deleting,
        on_open_change=OWNER.close_delete,
    )


def reader() -> rx.Component:
    """One delivery: what was sent, and what came back, for every attempt."""
    one = WebhooksState.opened
    return dialog(
        column(
            rx.cond(WebhooksState.problem != "", notice(WebhooksState.problem)),
            column(
                definition(
                    t("webhooks.column.to"), rx.el.span(one["url"], class_name="fb-mono fb-cut", title=one["url"])
                ),
                definition(t("webhooks.column.delivery"), state_dot(one["state"], one["word"])),
                definition(t("webhooks.reader.id"), copyable(WebhooksState.message_id, primary=True)),
            ),
            rx.cond(
                var(WebhooksState.attempts).length() == 0,
                rx.el.p(t("webhooks.reader.not_yet"), class_name="fb-text-2"),
                rx.foreach(WebhooksState.attempts, _attempt),
            ),
            class_name="gap-[12px]",
        ),
        title=one["type"],
        detail=one["whole_time"],
        size="wide",
        is_open=one["id"] != "",
        on_open_change=PAGE.reading,
        footnote=t("webhooks.reader.footnote"),
        footer=[
            closes(button(t("common.close"))),
            rx.cond(
                WebhooksState.may_manage,
                button(
                    t("webhooks.replay"),
                    kind="solid",
                    icon_name="rotate-cw",
                    on_click=OWNER.replay(one["id"]),
                    custom_attrs={"data-testid": "replay"},
                ),
            ),
        ],
    )


def _attempt(one: Any) -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            rx.el.span(one["number"], class_name="fb-medium"),
            chip(one["answer"], tone=rx.cond(one["good"], "good", "loss")),
            rx.el.span(one["time"], class_name="fb-small fb-num"),
            rx.el.span(one["took"], class_name="fb-small fb-num"),
            class_name="fb-webhook-attempt",
        ),
        rx.cond(one["error"] != "", notice(one["error"])),
        rx.el.p(t("webhooks.reader.request"), class_name="fb-small"),
        rx.el.pre(one["request"], class_name="fb-code fb-scroll", tab_index=0),
        rx.cond(
            one["response"] != "",
            rx.fragment(
                rx.el.p(t("webhooks.reader.response"), class_name="fb-small"),
                rx.el.pre(one["response"], class_name="fb-code fb-scroll", tab_index=0),
            ),
        ),
        open=True,
        key=one["number"],
    )
