"""The dialogs of packages and codes."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    amount,
    button,
    chip,
    closes,
    column,
    copy_button,
    decision,
    dialog,
    fare_slip,
    field,
    notice,
    row,
    segmented,
    slip_line,
    text_area,
    text_input,
    typed_input,
    var,
)
from app.ui.pages.admin_packages.codes_state import CodesState
from app.ui.pages.admin_packages.form import KINDS
from app.ui.pages.admin_packages.state import PackagesState

NUMBERS = ("expires_days", "bonus_expires_days")


def package_dialog() -> rx.Component:
    """The form beside the customer's card."""
    return dialog(
        rx.el.div(
            rx.el.div(_form(), key=PackagesState.stamp),
            _preview(),
            class_name="fb-package-form",
        ),
        title=PackagesState.title,
        size="wide",
        is_open=PackagesState.editing != "",
        on_open_change=PackagesState.opened,
        footnote=t("admin_packages.form.footnote"),
        footer=decision(PackagesState.act, PackagesState.publish, busy=PackagesState.busy, test_id="publish-package"),
    )


def _form() -> rx.Component:
    sold = PackagesState.kind != "enterprise"
    return column(
        rx.cond(PackagesState.errors[""] != "", notice(PackagesState.errors[""])),
        rx.cond(
            PackagesState.editing == "new",
            field(
                t("admin_packages.form.kind"),
                segmented(
                    [(kind, t(f"admin_packages.kind.{kind}")) for kind in KINDS],
                    value=PackagesState.kind,
                    on_change=var(PackagesState.choose_kind),
                    label=t("admin_packages.form.kind"),
                    small=True,
                ),
            ),
        ),
        _text("title"),
        _text("summary"),
        rx.cond(
            sold,
            rx.fragment(
                row(_text("credits"), _text("bonus"), class_name="gap-[14px] items-start fb-two-fields"),
                field(
                    t("admin_packages.form.prices"),
                    column(
                        rx.foreach(PackagesState.prices, _price),
                        row(
                            typed_input(
                                value=PackagesState.more,
                                on_change=PackagesState.name_currency,
                                label=t("admin_packages.form.currency"),
                                placeholder="GBP",
                                max_length=3,
                            ),
                            button(t("admin_packages.form.add"), size="small", on_click=PackagesState.add_currency),
                        ),
                        rx.cond(
                            PackagesState.errors["currency"] != "",
                            rx.el.p(PackagesState.errors["currency"], class_name="fb-field-error", role="alert"),
                        ),
                        class_name="gap-2",
                    ),
                    hint=t("admin_packages.form.prices_hint"),
                    error=PackagesState.errors["prices"],
                ),
                row(
                    *[_text(name) for name in NUMBERS],
                    class_name="gap-[14px] items-start fb-two-fields",
                ),
            ),
        ),
        _text("note"),
        class_name="gap-[14px]",
    )


def _text(name: str) -> rx.Component:
    hints = {"bonus", "expires_days", "bonus_expires_days", "note", "summary"}
    return field(
        t(f"admin_packages.form.{name}"),
        text_input(
            default_value=PackagesState.values[name],
            on_change=lambda text: var(PackagesState.write)(name, text),
            id=f"package-{name}",
            auto_complete="off",
            input_mode="decimal" if name in {"credits", "bonus", *NUMBERS} else "text",
        ),
        hint=t(f"admin_packages.form.{name}_hint") if name in hints else None,
        error=PackagesState.errors[name],
        for_id=f"package-{name}",
    )


def _price(one: Any) -> rx.Component:
    return text_input(
        default_value=one["text"],
        on_change=lambda text: var(PackagesState.write_price)(one["currency"], text),
        before=rx.el.span(one["currency"], class_name="fb-mono"),
        input_mode="decimal",
        auto_complete="off",
        custom_attrs={"aria-label": one["currency"]},
    )


def _preview() -> rx.Component:
    """What a customer will see; their own tax comes on top, and they see the final amount."""
    seen = PackagesState.preview
    return column(
        rx.el.span(t("admin_packages.form.preview"), class_name="fb-label"),
        fare_slip(
            rx.el.div(
                rx.el.h3(seen["title"], class_name="fb-strong"),
                rx.cond(seen["summary"] != "", rx.el.p(seen["summary"], class_name="fb-small")),
                class_name="mb-2",
            ),
            rx.cond(
                seen["credits"] != "",
                rx.el.div(
                    amount(seen["credits"], unit=t("common.credits"), class_name="fb-slip-figure"),
                    rx.cond(seen["bonus"] != "", rx.el.span(seen["bonus"], class_name="fb-small")),
                    class_name="flex flex-col gap-1",
                ),
            ),
            rx.el.p(seen["lasts"], class_name="fb-small"),
            below=[
                rx.cond(
                    var(PackagesState.preview_prices).length() > 0,
                    rx.foreach(
                        PackagesState.preview_prices,
                        lambda price: rx.el.div(
                            rx.el.span(price["unit"], class_name="fb-small"),
                            rx.el.b(price["price"], class_name="fb-num"),
                            class_name="fb-slip-line",
                        ),
                    ),
                    rx.el.p(
                        rx.cond(
                            PackagesState.kind == "enterprise",
                            t("admin_packages.by_enquiry"),
                            t("admin_packages.form.no_price"),
                        ),
                        class_name="fb-small",
                    ),
                )
            ],
        ),
        rx.el.p(t("admin_packages.form.tax_note"), class_name="fb-small"),
        class_name="gap-2",
    )


def past_dialog() -> rx.Component:
    """Every version, the newest first."""
    return dialog(
        rx.el.ul(rx.foreach(PackagesState.past, _version), class_name="fb-entries"),
        title=PackagesState.past_of,
        size="wide",
        is_open=PackagesState.past_of != "",
        on_open_change=PackagesState.past_opened,
    )


def _version(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["number"], class_name="fb-strong"),
                    rx.cond(one["live"], chip(t("admin_packages.live"), tone="good")),
                    rx.el.span(one["title"]),
                    class_name="flex-wrap",
                ),
                rx.el.span(one["what"], class_name="fb-small fb-num"),
                rx.cond(one["note"] != "", rx.el.span(one["note"], class_name="fb-small")),
                class_name="flex-1",
            ),
            column(
                rx.el.span(one["who"], class_name="fb-small"),
                rx.el.span(one["time"], class_name="fb-small fb-num"),
                class_name="items-end",
            ),
            class_name="fb-entry",
        ),
        key=one["number"],
    )


# ---- codes ----


def code_dialog() -> rx.Component:
    """New codes, then the codes themselves: shown once."""
    return dialog(
        rx.cond(CodesState.made != "", _made(), rx.el.div(_code_form(), key=CodesState.stamp)),
        title=rx.cond(CodesState.made != "", t("admin_packages.code.made_title"), t("admin_packages.code.new_title")),
        is_open=CodesState.making,
        on_open_change=CodesState.opened,
        footer=[
            rx.cond(
                CodesState.made != "",
                closes(button(t("common.close"), kind="solid")),
                rx.fragment(
                    *decision(
                        t("admin_packages.code.create"), CodesState.make, busy=CodesState.busy, test_id="make-codes"
                    )
                ),
            )
        ],
    )


def _code_form() -> rx.Component:
    return column(
        rx.cond(CodesState.errors[""] != "", notice(CodesState.errors[""])),
        _code_text("label"),
        row(
            _code_text("credits", input_mode="decimal"),
            _code_text("credits_expire_days", input_mode="numeric"),
            class_name="gap-[14px] items-start fb-two-fields",
        ),
        row(
            _code_text("most_claims", input_mode="numeric"),
            _code_text("valid_until", type="date"),
            class_name="gap-[14px] items-start fb-two-fields",
        ),
        row(
            _code_text("count", input_mode="numeric"),
            _code_text("code"),
            class_name="gap-[14px] items-start fb-two-fields",
        ),
        class_name="gap-[14px]",
    )


def _code_text(name: str, **props: Any) -> rx.Component:
    return field(
        t(f"admin_packages.code.field.{name}"),
        text_input(
            default_value=CodesState.values[name],
            on_change=lambda text: var(CodesState.write)(name, text),
            id=f"code-{name}",
            auto_complete="off",
            **props,
        ),
        hint=t(f"admin_packages.code.hint.{name}"),
        error=CodesState.errors[name],
        for_id=f"code-{name}",
    )


def _made() -> rx.Component:
    return column(
        notice(t("admin_packages.code.once"), tone="thin"),
        rx.el.p(CodesState.made_words),
        text_area(
            value=CodesState.made,
            read_only=True,
            rows=6,
            class_name="fb-mono",
            custom_attrs={"data-testid": "codes", "aria-label": t("admin_packages.code.title")},
        ),
        row(copy_button(CodesState.made, t("admin_packages.code.copy"))),
        class_name="gap-[14px]",
    )


def stop_dialog() -> rx.Component:
    return dialog(
        rx.el.p(t("admin_packages.code.stop_words")),
        slip_line(t("admin_packages.code.title"), rx.el.span(CodesState.stopping_hint, class_name="fb-mono")),
        title=t("admin_packages.code.stop"),
        is_open=CodesState.stopping != "",
        on_open_change=CodesState.stop_opened,
        footer=decision(
            t("admin_packages.code.stop"), CodesState.stop, leave=t("admin_packages.code.keep"), test_id="stop-code"
        ),
    )
