"""`/admin/mail` drawn."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    chip,
    closes,
    column,
    data_table,
    definition,
    dialog,
    empty_state,
    field,
    filter_input,
    icon,
    notice,
    pagination,
    panel,
    row,
    segmented,
    select,
    text_input,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_mail.state import MailState
from app.ui.roles import Role


@page("/admin/mail", title=t("admin_mail.title"), role=Role.OPERATOR, on_load=MailState.load)
def admin_mail() -> rx.Component:
    return shell(
        column(
            rx.cond(
                MailState.ready & ~var(MailState.sends),
                notice(t("admin_mail.no_server"), tone="thin", title=t("admin_mail.no_server_title")),
            ),
            rx.cond(var(MailState.trouble).length() > 0, _trouble()),
            card(_filters(), _table()),
            rx.el.div(_refused(), _test(), class_name="fb-form-grid"),
            class_name="gap-[14px]",
        ),
        _reader(),
        here="mail",
        title=t("admin_mail.title"),
        area=Role.OPERATOR,
    )


def _filters() -> rx.Component:
    return row(
        filter_input(value=MailState.search, on_change=MailState.look_for, label=t("admin_mail.search")),
        rx.el.div(
            select(
                MailState.choices,
                value=MailState.state,
                on_change=MailState.choose_state,
                label=t("admin_mail.state.label"),
            ),
            class_name="fb-filter-choice",
        ),
        rx.cond(
            MailState.filtered, button(t("admin_orders.clear"), kind="ghost", icon_name="x", on_click=MailState.clear)
        ),
        class_name="fb-filters",
        role="search",
    )


def _table() -> rx.Component:
    return data_table(
        [
            Column(t("admin_mail.column.subject"), _subject, grow=True),
            Column(t("admin_mail.column.address"), _address),
            Column(t("admin_mail.column.template"), lambda one: one["template"], wide_only=True),
            Column(t("admin_mail.column.state"), lambda one: chip(one["words"], tone=one["tone"])),
            Column(t("admin_mail.column.time"), _time, numeric=True),
        ],
        MailState.rows,
        label=t("admin_mail.title"),
        phone=lambda one: rx.el.button(
            two_line(one["subject"], one["address"], one["words"], one["time"], figure_tone=one["tone"]),
            type="button",
            class_name="fb-phone-link",
            on_click=var(MailState.open)(one["id"]),
        ),
        loading=~var(MailState.ready),
        empty=rx.cond(
            MailState.filtered,
            empty_state(
                "search-x",
                t("admin_mail.no_match"),
                t("admin_mail.no_match_words"),
                button(t("admin_mail.all"), on_click=MailState.clear),
                compact=True,
            ),
            empty_state("mail", t("admin_mail.empty.title"), t("admin_mail.empty.sentence"), compact=True),
        ),
        footer=rx.cond(
            MailState.has_next | MailState.has_previous,
            pagination(
                shown=MailState.shown,
                has_previous=MailState.has_previous,
                has_next=MailState.has_next,
                on_previous=MailState.previous_page,
                on_next=MailState.next_page,
            ),
        ),
    )


def _subject(one: Any) -> rx.Component:
    return rx.el.button(
        one["subject"],
        type="button",
        title=one["subject"],
        class_name="fb-link fb-cut fb-medium fb-text-button",
        on_click=var(MailState.open)(one["id"]),
        custom_attrs={"data-testid": "mail"},
    )


def _address(one: Any) -> rx.Component:
    return rx.el.span(one["address"], class_name="fb-cut fb-admin-owner", title=one["address"])


def _time(one: Any) -> rx.Component:
    return rx.el.time(one["time"], title=one["full_time"])


def _reader() -> rx.Component:
    """The mail in a frame that runs nothing and loads nothing."""
    one = MailState.opened
    return dialog(
        column(
            rx.cond(MailState.problem != "", notice(MailState.problem)),
            _about(one),
            rx.cond(one["error"] != "", notice(one["error"], title=t("admin_mail.server_said"))),
            row(
                segmented(
                    [("html", t("admin_mail.as_html")), ("text", t("admin_mail.as_text"))],
                    value=rx.cond(MailState.as_text, "text", "html"),
                    on_change=var(MailState.choose_form),
                    label=t("admin_mail.form"),
                    small=True,
                    full=False,
                )
            ),
            _letter(),
            class_name="gap-[12px]",
        ),
        title=one["subject"],
        size="wide",
        is_open=one["id"] != "",
        on_open_change=MailState.reading,
        footnote=rx.cond(MailState.sends, t("admin_mail.twice"), t("admin_mail.no_server")),
        footer=[
            closes(button(t("common.close"))),
            rx.cond(
                MailState.sends,
                button(
                    t("admin_mail.resend"),
                    kind="solid",
                    icon_name="send",
                    on_click=MailState.resend,
                    custom_attrs={"data-testid": "resend"},
                ),
            ),
        ],
    )


def _letter() -> rx.Component:
    return rx.cond(
        MailState.as_text,
        rx.el.pre(MailState.text, class_name="fb-code fb-mail-text"),
        rx.el.iframe(
            src_doc=MailState.html,
            class_name="fb-mail-frame",
            title=t("admin_mail.frame"),
            custom_attrs={"sandbox": "", "referrerPolicy": "no-referrer"},
        ),
    )


def _about(one: Any) -> rx.Component:
    return column(
        definition(t("admin_mail.column.address"), rx.el.span(one["address"], class_name="fb-cut")),
        definition(
            t("admin_mail.column.state"),
            rx.el.span(one["attempts"], class_name="fb-small"),
            chip(one["words"], tone=one["tone"]),
        ),
        rx.cond(
            var(MailState.files).length() > 0,
            definition(
                t("admin_mail.files"),
                rx.foreach(MailState.files, lambda name: chip(name, icon_name="paperclip")),
            ),
        ),
    )


def _trouble() -> rx.Component:
    return panel(
        t("admin_mail.trouble.title"),
        rx.el.ul(
            rx.foreach(
                MailState.trouble,
                lambda one: rx.el.li(
                    row(
                        icon("triangle-alert", 15),
                        column(
                            rx.el.span(one["title"], class_name="fb-medium fb-cut", title=one["title"]),
                            rx.el.span(one["detail"], class_name="fb-small fb-cut", title=one["detail"]),
                            class_name="flex-1",
                        ),
                        rx.el.span(one["age"], class_name="fb-small fb-num"),
                        rx.cond(
                            one["given_up"],
                            button(
                                t("common.retry"),
                                size="small",
                                on_click=var(MailState.try_again)(one["id"]),
                                custom_attrs={"data-testid": "try-again"},
                            ),
                            chip(t("admin_mail.trouble.trying"), tone="accent"),
                        ),
                        class_name="fb-entry",
                    ),
                    key=one["id"],
                ),
            ),
            class_name="fb-entries",
        ),
        detail=t("admin_mail.trouble.detail"),
        flush=True,
    )


def _refused() -> rx.Component:
    nothing = rx.el.p(t("admin_mail.refused.none"), class_name="fb-text-2 p-4")
    filled = rx.el.ul(
        rx.foreach(
            MailState.refused,
            lambda one: rx.el.li(
                row(
                    column(
                        rx.el.span(one["address"], class_name="fb-medium fb-cut"),
                        rx.el.span(one["reason"], class_name="fb-small fb-cut", title=one["reason"]),
                        class_name="flex-1",
                    ),
                    rx.el.span(one["age"], class_name="fb-small fb-num"),
                    button(
                        t("admin_mail.refused.forgive"),
                        size="small",
                        on_click=var(MailState.forgive)(one["address"]),
                    ),
                    class_name="fb-entry",
                ),
                key=one["address"],
            ),
        ),
        class_name="fb-entries",
    )
    return panel(
        t("admin_mail.refused.title"), rx.cond(var(MailState.refused).length() > 0, filled, nothing), flush=True
    )


def _test() -> rx.Component:
    return panel(
        t("admin_mail.test.title"),
        field(
            t("admin_mail.test.address"),
            row(
                text_input(on_change=MailState.write_test, id="mail-test", type="email", placeholder="you@example.com"),
                button(t("admin_mail.test.send"), on_click=MailState.test, icon_name="send"),
            ),
            hint=t("admin_mail.test.hint"),
            error=MailState.test_problem,
            for_id="mail-test",
        ),
    )
