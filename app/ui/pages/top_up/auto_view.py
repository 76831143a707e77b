"""The card about automatic top-up, its dialog, and the cards on file."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    card,
    decision,
    dialog,
    fare_slip,
    field,
    field_error,
    icon,
    icon_tile,
    link_button,
    notice,
    row,
    segmented,
    select,
    slip_line,
    typed_input,
    var,
)
from app.ui.pages.top_up.auto import MODES
from app.ui.pages.top_up.auto_state import AutoOwnerState, AutoState

AUTO = var(AutoState)
FACTS = var(AutoState.facts)
OWNER = var(AutoOwnerState)


def auto_panel() -> rx.Component:
    """Keeps jobs running without anybody; only where cards are taken."""
    return rx.cond(
        AutoState.offered, card(_head(), _trouble(), _rules(), _cards(), class_name="fb-auto", id="auto-top-up")
    )


def _head() -> rx.Component:
    return row(
        icon_tile("repeat", tone="accent"),
        rx.el.div(
            rx.el.h2(t("top_up.auto.title"), class_name="fb-strong"),
            rx.el.p(t("top_up.auto.detail"), class_name="fb-small"),
            class_name="flex-1 min-w-0",
        ),
        rx.cond(
            AutoState.may_edit,
            rx.switch(
                checked=FACTS["on"] != "",
                on_change=OWNER.switch,
                size="2",
                disabled=AUTO.cards.length() == 0,
                custom_attrs={"aria-label": t("top_up.auto.title"), "data-testid": "auto-switch"},
            ),
            rx.cond(AutoState.ready, rx.el.span(t("top_up.auto.only_owner"), class_name="fb-small")),
        ),
        class_name="gap-3",
    )


def _trouble() -> rx.Component:
    """The bank wants its owner, or it was stopped."""
    return rx.fragment(
        rx.cond(
            FACTS["notice"] != "",
            notice(
                FACTS["notice"],
                rx.cond(
                    FACTS["order_href"] != "",
                    link_button(t("top_up.auto.confirm"), href=FACTS["order_href"], size="small"),
                ),
                tone=FACTS["tone"],
            ),
        ),
        rx.cond(OWNER.problem != "", notice(OWNER.problem)),
    )


def _rules() -> rx.Component:
    return rx.cond(
        FACTS["threshold"] != "",
        rx.fragment(
            rx.el.dl(
                _rule(t("top_up.auto.below"), FACTS["threshold"], t("common.credits")),
                _rule(t("top_up.auto.buy"), FACTS["buys"]),
                _rule(t("top_up.auto.most"), FACTS["most"], t("top_up.auto.a_month")),
                _rule(t("top_up.auto.card"), FACTS["card"]),
                class_name="fb-auto-rules",
            ),
            row(
                rx.el.span(FACTS["spent"], class_name="fb-small fb-num flex-1"),
                rx.cond(
                    AutoState.may_edit,
                    button(t("top_up.auto.edit"), size="small", on_click=OWNER.open_form(True)),
                ),
            ),
        ),
    )


def _rule(label: str, value: Any, unit: str = "") -> rx.Component:
    return rx.el.div(
        rx.el.dt(label, class_name="fb-label"),
        rx.el.dd(
            rx.el.span(value, class_name="fb-num fb-cut"),
            rx.el.span(unit, class_name="fb-small") if unit else None,
            class_name="fb-auto-value",
        ),
    )


def _cards() -> rx.Component:
    """The cards on file; without one there is nothing to charge."""
    return rx.cond(
        AutoState.may_edit & AutoState.ready,
        rx.el.div(
            rx.foreach(AUTO.cards, _card),
            row(
                button(
                    rx.cond(AUTO.cards.length() > 0, t("top_up.card.another"), t("top_up.card.add")),
                    icon_name="credit-card",
                    busy=OWNER.saving_card,
                    on_click=OWNER.add_card,
                    custom_attrs={"data-testid": "add-card"},
                ),
                rx.el.p(AutoState.sentence, class_name="fb-small flex-1 min-w-0"),
                class_name="fb-auto-add flex-wrap",
            ),
            class_name="fb-auto-cards",
        ),
    )


def _card(item: Any) -> rx.Component:
    return row(
        icon("credit-card", 16, class_name="fb-text-2"),
        rx.el.span(item["name"], class_name="fb-medium"),
        rx.el.span(item["detail"], class_name="fb-small fb-num"),
        rx.el.span(class_name="flex-1"),
        button(t("top_up.card.remove"), kind="ghost", size="small", on_click=OWNER.remove_card(item["id"])),
        custom_attrs={"data-testid": "card"},
    )


# ---- the dialog ----


def auto_dialog() -> rx.Component:
    """The rules, what one charge by them comes to, and the sentence that is agreed to."""
    fixed = OWNER.values["mode"] == MODES[0]
    return dialog(
        rx.el.div(
            _figure("threshold", after=t("common.credits")),
            field(
                t("top_up.auto.card"),
                select(
                    OWNER.cards, value=OWNER.values["card"], on_change=OWNER.choose_card, label=t("top_up.auto.card")
                ),
            ),
            class_name="fb-statement-days",
        ),
        segmented(
            [(mode, t(f"top_up.auto.mode.{mode}")) for mode in MODES],
            value=OWNER.values["mode"],
            on_change=OWNER.choose_mode,
            label=t("top_up.auto.buy"),
        ),
        rx.cond(fixed, _figure("amount", after=OWNER.currency), _figure("refill_to", after=t("common.credits"))),
        rx.el.div(
            _figure("month_cap", after=OWNER.currency),
            _figure("charge_cap", after=OWNER.currency, hint=t("billing.field.optional")),
            class_name="fb-statement-days",
        ),
        rx.cond(OWNER.preview["total"] != "", _preview()),
        field_error(OWNER.errors[""]),
        title=t("top_up.auto.title"),
        detail=t("top_up.auto.form_detail"),
        is_open=OWNER.is_open,
        on_open_change=OWNER.open_form,
        footer=decision(t("top_up.auto.turn_on"), OWNER.save, busy=OWNER.busy, test_id="turn-on"),
    )


def _figure(name: str, *, after: Any, hint: str | None = None) -> rx.Component:
    return field(
        t(f"top_up.auto.field.{name}"),
        typed_input(
            value=OWNER.values[name],
            on_change=OWNER.write(name),
            id=f"auto-{name}",
            input_mode="decimal",
            after=after,
            max_length=20,
            invalid=OWNER.errors[name] != "",
            test_id=f"auto-{name}",
        ),
        hint=hint,
        error=OWNER.errors[name],
        for_id=f"auto-{name}",
    )


def _preview() -> rx.Component:
    return rx.fragment(
        fare_slip(
            slip_line(t("top_up.auto.each"), OWNER.preview["credits"]),
            below=[
                rx.el.div(
                    rx.el.span(t("top_up.auto.charge"), class_name="fb-total"),
                    rx.el.span(OWNER.preview["total"], class_name="fb-slip-figure fb-num"),
                    class_name="fb-slip-total",
                ),
                rx.cond(OWNER.preview["tax"] != "", rx.el.p(OWNER.preview["tax"], class_name="fb-small fb-num")),
            ],
        ),
        rx.cond(OWNER.preview["at_once"] != "", notice(OWNER.preview["at_once"], tone="thin")),
        rx.el.div(
            rx.el.input(
                type="checkbox",
                id="auto-agree",
                checked=OWNER.agreed,
                on_change=OWNER.agree,
                class_name="fb-box",
                custom_attrs={"data-testid": "auto-agree"},
            ),
            rx.el.label(OWNER.preview["sentence"], " ", OWNER.terms_words, html_for="auto-agree"),
            class_name="fb-topup-terms",
        ),
    )
