"""The left column: the visual rule from its kind to what holds for the whole of it."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    column,
    field,
    notice,
    segmented,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.pricing.adjustments import adjustments
from app.ui.pages.model_editor.pricing.base_price import base, token_classes, unit, was
from app.ui.pages.model_editor.pricing.effects import effects
from app.ui.pages.model_editor.pricing.price_state import PriceState
from app.ui.pages.model_editor.pricing.tiers import tiers
from app.ui.pages.model_editor.pricing.whole_rule import whole_rule
from app.ui.pages.model_editor.state import EditorState


def price_form() -> rx.Component:
    """The left column."""
    return column(
        rx.el.div(
            field(
                t("model_editor.price.kind"),
                segmented(
                    [("fixed", t("model_editor.price.fixed")), ("formula", t("model_editor.price.formula"))],
                    value=rx.cond(EditorState.is_fixed, "fixed", "formula"),
                    on_change=PriceState.choose_kind,
                    label=t("model_editor.price.kind"),
                ),
            ),
            rx.cond(
                EditorState.is_fixed,
                _fixed(),
                field(
                    t("model_editor.price.charge"),
                    segmented(
                        [
                            ("charge_on_complete", t("model_editor.price.on_complete")),
                            ("charge_on_submit", t("model_editor.price.on_submit")),
                        ],
                        value=EditorState.price.billing,
                        on_change=PriceState.set_billing,
                        label=t("model_editor.price.charge"),
                    ),
                ),
            ),
            class_name="fb-form-pair",
        ),
        rx.cond(
            EditorState.is_fixed,
            rx.el.p(t("model_editor.price.fixed_words"), class_name="fb-text-2"),
            rx.cond(EditorState.price.readable, _formula(), _unreadable()),
        ),
        class_name="fb-editor-form",
    )


def _fixed() -> rx.Component:
    return field(
        t("model_editor.price.credits"),
        typed_input(
            value=EditorState.credit_cost,
            on_change=PriceState.set_credit_cost,
            after=t("model_editor.per.perRequest"),
            input_mode="decimal",
            id="credit-cost",
            invalid=EditorState.price.credit_problem != "",
            test_id="credit-cost",
        ),
        aside=was(EditorState.price.credit_was),
        error=EditorState.price.credit_problem,
        for_id="credit-cost",
    )


def _unreadable() -> rx.Component:
    return notice(
        t("model_editor.price.unreadable"),
        button(t("model_editor.price.go_to_line"), size="small", on_click=EditorState.first_error),
        button(t("model_editor.undo"), kind="ghost", size="small", on_click=EditorState.undo),
        title=t("model_editor.price.unreadable_title"),
    )


def _formula() -> rx.Component:
    return rx.fragment(
        rx.el.div(unit(), base(), class_name="fb-form-pair"),
        token_classes(),
        tiers(),
        effects(),
        adjustments(),
        whole_rule(),
    )
