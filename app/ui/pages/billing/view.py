"""The billing profile as a card, and the dialog it is edited in."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    copyable,
    decision,
    dialog,
    field,
    icon,
    notice,
    panel,
    row,
    segmented,
    skeleton,
    typed_input,
    var,
)
from app.ui.pages.billing.form import KINDS, country_options
from app.ui.pages.billing.state import BillingFormState, BillingState

FORM = var(BillingFormState)
PROFILE = var(BillingState.profile)
TAX = var(BillingState.tax)
OPTIONAL = t("billing.field.optional")


def profile_panel() -> rx.Component:
    """Who the invoices are made out to, what tax follows, and the way to change it."""
    return panel(
        t("billing.title"),
        rx.cond(
            BillingState.ready,
            rx.cond(BillingState.has_profile, _profile(), _nothing_yet()),
            rx.el.div(skeleton("70%"), skeleton("90%"), skeleton("50%"), class_name="fb-billing-lines"),
        ),
        actions=[
            rx.cond(
                BillingState.has_profile & BillingState.may_edit,
                button(t("billing.edit"), size="small", on_click=FORM.open_form(True)),
            )
        ],
        flush=True,
        class_name="fb-billing",
        custom_attrs={"data-testid": "billing-profile"},
    )


def _profile() -> rx.Component:
    return rx.fragment(
        rx.el.address(
            rx.el.p(PROFILE["title"], class_name="fb-strong"),
            rx.cond(PROFILE["attention"] != "", rx.el.p(PROFILE["attention"])),
            rx.foreach(PROFILE["lines"], rx.el.p),
            rx.cond(PROFILE["email"] != "", rx.el.p(PROFILE["email"], class_name="fb-text-2 fb-cut mt-2")),
            rx.cond(
                PROFILE["reference"] != "",
                rx.el.p(t("billing.reference_is"), " ", PROFILE["reference"], class_name="fb-text-2"),
            ),
            class_name="fb-billing-lines",
        ),
        rx.cond(PROFILE["tax_id"] != "", _tax_id()),
        tax_note(),
    )


def _tax_id() -> rx.Component:
    return row(
        rx.el.span(PROFILE["tax_label"], class_name="fb-text-2 fb-nowrap"),
        copyable(PROFILE["tax_id"]),
        rx.el.span(class_name="flex-1"),
        chip(PROFILE["check"], tone=PROFILE["check_tone"]),
        class_name="fb-billing-part flex-wrap",
    )


def tax_note() -> rx.Component:
    """`19% VAT, Germany`, and why where that needs saying."""
    return rx.el.div(
        rx.cond(
            TAX["headline"] != "",
            row(
                rx.el.span(t("billing.tax.title"), class_name="fb-text-2"),
                rx.el.span(TAX["headline"], class_name="fb-medium fb-num", custom_attrs={"data-testid": "tax"}),
            ),
        ),
        rx.cond(
            TAX["detail"] != "",
            rx.el.p(TAX["detail"], class_name="fb-small", custom_attrs={"data-tone": TAX["tone"]}),
        ),
        class_name="fb-billing-part fb-billing-tax",
    )


def _nothing_yet() -> rx.Component:
    return rx.el.div(
        rx.el.p(t("billing.none"), class_name="fb-text-2"),
        rx.cond(
            BillingState.may_edit,
            button(t("billing.fill"), icon_name="pencil", on_click=FORM.open_form(True)),
            rx.el.p(t("billing.only_owner"), class_name="fb-small"),
        ),
        class_name="fb-billing-lines fb-billing-none",
    )


# ---- the dialog ----


def profile_dialog() -> rx.Component:
    """The form. Put it once on every page that shows the profile."""
    is_company = FORM.values["kind"] == "company"
    return dialog(
        rx.cond(FORM.errors[""] != "", notice(FORM.errors[""])),
        segmented(
            [(kind, t(f"billing.kind.{kind}")) for kind in KINDS],
            value=FORM.values["kind"],
            on_change=FORM.choose_kind,
            label=t("billing.kind.label"),
        ),
        rx.cond(is_company, _text("company", auto_complete="organization")),
        _text(
            "name", label=rx.cond(is_company, t("billing.field.contact"), t("billing.field.name")), optional=is_company
        ),
        _country(),
        _text("line1"),
        _text("line2", hint=OPTIONAL),
        rx.el.div(_text("postcode", hint=OPTIONAL), _text("city"), class_name="fb-billing-town"),
        rx.cond(FORM.states.length() > 0, _state()),
        _tax_id_field(),
        _text("email", hint=t("billing.field.email_hint"), input_mode="email"),
        rx.cond(is_company, _text("reference", hint=t("billing.field.reference_hint"))),
        title=t("billing.form.title"),
        detail=t("billing.form.detail"),
        is_open=FORM.is_open,
        on_open_change=FORM.open_form,
        footer=decision(t("billing.form.save"), FORM.save, busy=FORM.busy, test_id="save-billing"),
    )


def _text(name: str, *, label: Any = None, hint: Any = None, **props: Any) -> rx.Component:
    """A typed field of the form with its error."""
    words = label if label is not None else t(f"billing.field.{name}")
    return field(
        words,
        typed_input(
            value=FORM.values[name],
            on_change=FORM.write(name),
            id=f"billing-{name}",
            max_length=200,
            invalid=FORM.errors[name] != "",
            test_id=f"billing-{name}",
            **props,
        ),
        hint=hint,
        error=FORM.errors[name],
        for_id=f"billing-{name}",
    )


def _country() -> rx.Component:
    return field(
        t("billing.field.country"),
        _native_select(
            rx.el.option(t("billing.field.choose"), value="", disabled=True),
            *[rx.el.option(name, value=code) for code, name in country_options()],
            name="country",
            on_change=FORM.choose_country,
        ),
        error=FORM.errors["country"],
        for_id="billing-country",
    )


def _state() -> rx.Component:
    return field(
        t("billing.field.state"),
        _native_select(
            rx.el.option(t("billing.field.choose"), value="", disabled=True),
            rx.foreach(FORM.states, lambda option: rx.el.option(option["label"], value=option["value"])),
            name="state",
            on_change=FORM.choose_state,
        ),
        error=FORM.errors["state"],
        for_id="billing-state",
    )


def _native_select(*options: Any, name: str, on_change: Any) -> rx.Component:
    """The browser's own list: a country is found by typing its name, and a phone shows its wheel."""
    return rx.el.select(
        *options,
        id=f"billing-{name}",
        value=FORM.values[name],
        on_change=on_change,
        class_name="fb-input fb-native-select",
        custom_attrs={
            "aria-invalid": rx.cond(FORM.errors[name] != "", "true", "false"),
            "data-testid": f"billing-{name}",
        },
    )


def _tax_id_field() -> rx.Component:
    return field(
        FORM.tax_label,
        typed_input(
            value=FORM.values["tax_id"],
            on_change=FORM.write("tax_id"),
            id="billing-tax_id",
            mono=True,
            max_length=40,
            invalid=FORM.errors["tax_id"] != "",
            test_id="billing-tax_id",
        ),
        hint=t("billing.field.tax_id_hint"),
        aside=rx.cond(
            FORM.tax_id_right,
            rx.el.span(icon("check", 13), t("billing.field.tax_id_right"), class_name="fb-written-right"),
        ),
        error=FORM.errors["tax_id"],
        for_id="billing-tax_id",
    )
