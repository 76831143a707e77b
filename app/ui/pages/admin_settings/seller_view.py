"""The seller's form, and how tax is handled: two sections of one version."""

from typing import Any

import reflex as rx

from app.invoicing.countries import countries
from app.kernel.text import t
from app.ui.components import (
    button,
    card,
    column,
    field,
    notice,
    panel,
    row,
    segmented,
    skeleton,
    switch_row,
    text_area,
    text_input,
    var,
)
from app.ui.pages.admin_settings.form import CHOICES
from app.ui.pages.admin_settings.seller_state import SellerState

HINTED = {
    "vat_id", "registration", "series_prefix", "registrations", "time_zone", "exempt_reason", "bank_note", "line2",
    "tax_number", "state", "stripe_tax_places", "stripe_tax_code",
}  # fmt: skip


def seller_section() -> rx.Component:
    return _when_ready(
        panel(
            t("admin_settings.seller.title"),
            column(
                _grid("name", "registration"),
                _grid("line1", "line2"),
                _grid("postcode", "city"),
                rx.el.div(_country(), _text("state"), class_name="fb-form-grid"),
                _grid("vat_id", "tax_number"),
                _grid("email", "phone", "website"),
                class_name="gap-[14px]",
            ),
            detail=SellerState.version,
        ),
        panel(
            t("admin_settings.seller.bank"),
            column(_grid("bank_holder", "bank_bank"), _grid("bank_iban", "bank_bic"), _text("bank_note"),
                   class_name="gap-[14px]"),
            detail=t("admin_settings.seller.bank_detail"),
        ),
        panel(
            t("admin_settings.seller.numbers"),
            _grid("series_prefix", "currency", "time_zone"),
            detail=t("admin_settings.seller.numbers_detail"),
        ),
        _save(t("admin_settings.seller.save")),
    )  # fmt: skip


def tax_section() -> rx.Component:
    return _when_ready(
        panel(
            t("admin_settings.tax.title"),
            column(
                _choice("vat_status"),
                rx.cond(SellerState.values["vat_status"] == "exempt", _text("exempt_reason")),
                switch_row(
                    t("admin_settings.field.oss"),
                    detail=t("admin_settings.hint.oss"),
                    checked=SellerState.oss,
                    on_change=lambda on: var(SellerState.switch)("oss", on),
                ),
                _text("registrations"),
                class_name="gap-[14px]",
            ),
            detail=SellerState.version,
        ),
        panel(
            t("admin_settings.tax.elsewhere"),
            rx.cond(
                SellerState.takes_cards | (SellerState.values["tax_source"] == "stripe_tax"),
                column(
                    _choice("tax_source"),
                    rx.cond(
                        SellerState.values["tax_source"] == "stripe_tax",
                        column(_text("stripe_tax_places"), _text("stripe_tax_code"), class_name="gap-[14px]"),
                    ),
                    class_name="gap-[14px]",
                ),
                rx.el.p(t("admin_settings.tax.no_stripe"), class_name="fb-small"),
            ),
        ),
        panel(
            t("admin_settings.tax.credits"),
            column(
                _choice("credits_tax_point"),
                switch_row(
                    t("admin_settings.field.prices_include_tax"),
                    detail=t("admin_settings.hint.prices_include_tax"),
                    checked=SellerState.prices_include_tax,
                    on_change=lambda on: var(SellerState.switch)("prices_include_tax", on),
                ),
                class_name="gap-[14px]",
            ),
        ),
        panel(
            t("admin_settings.tax.ids"),
            column(_choice("vat_check"), _choice("vies_policy"), class_name="gap-[14px]"),
        ),
        _save(t("admin_settings.tax.save")),
    )


def _when_ready(*panels: rx.Component) -> rx.Component:
    waiting = card(column(*[skeleton("100%", "30px") for _ in range(6)], class_name="gap-4"), class_name="p-4")
    return rx.cond(
        SellerState.ready,
        rx.el.div(
            rx.cond(SellerState.is_new, notice(t("admin_settings.seller.needed"), tone="thin")),
            *panels,
            key=SellerState.stamp,
            class_name="fb-settings",
        ),
        waiting,
    )


def _save(act: str) -> rx.Component:
    return card(
        rx.cond(SellerState.errors[""] != "", notice(SellerState.errors[""])),
        row(
            rx.el.span(t("admin_settings.seller.keeps"), class_name="fb-small flex-1"),
            rx.cond(
                SellerState.dirty,
                button(t("admin_settings.discard"), kind="ghost", on_click=SellerState.discard),
            ),
            button(
                act,
                kind="solid",
                busy=SellerState.busy,
                on_click=SellerState.save,
                key="mod+s",
                custom_attrs={"data-testid": "save-seller"},
            ),
            class_name="flex-wrap",
        ),
        class_name="fb-settings-bar",
    )


def _grid(*names: str) -> rx.Component:
    return rx.el.div(*[_text(name) for name in names], class_name="fb-form-grid")


def _text(name: str) -> rx.Component:
    control: Any = text_area if name == "registration" else text_input
    more: dict[str, Any] = {"rows": 2} if name == "registration" else {}
    return field(
        t(f"admin_settings.field.{name}"),
        control(
            default_value=SellerState.values[name],
            on_change=lambda text: var(SellerState.write)(name, text),
            id=f"seller-{name}",
            auto_complete="off",
            **more,
        ),
        hint=t(f"admin_settings.hint.{name}") if name in HINTED else None,
        error=SellerState.errors[name],
        for_id=f"seller-{name}",
    )


def _country() -> rx.Component:
    """The browser's own list: it is long, and typing the first letters finds a country."""
    return field(
        t("admin_settings.field.country"),
        rx.el.select(
            rx.el.option("", value=""),
            *[rx.el.option(name, value=code) for code, name in countries().items()],
            default_value=SellerState.values["country"],
            on_change=lambda code: var(SellerState.write)("country", code),
            id="seller-country",
            class_name="fb-input fb-native-select",
        ),
        error=SellerState.errors["country"],
        for_id="seller-country",
    )


def _choice(name: str) -> rx.Component:
    """A few ways to do it, each in its words, and what the chosen one means."""
    return field(
        t(f"admin_settings.field.{name}"),
        column(
            segmented(
                [(value, t(f"admin_settings.choice.{name}.{value}")) for value in CHOICES[name]],
                value=SellerState.values[name],
                on_change=lambda value: var(SellerState.choose)(name, value),
                label=t(f"admin_settings.field.{name}"),
                full=False,
            ),
            rx.el.p(
                rx.match(
                    SellerState.values[name],
                    *[(value, t(f"admin_settings.means.{name}.{value}")) for value in CHOICES[name]],
                    "",
                ),
                class_name="fb-small",
            ),
            class_name="gap-2 fb-scroll-x",
        ),
        error=SellerState.errors[name],
    )
