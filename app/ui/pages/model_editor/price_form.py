"""The visual rule: kind of price, unit, base, tiers, per-attribute prices, and what holds for the whole of it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.pricing.units import UNITS
from app.ui.components import (
    button,
    column,
    field,
    field_error,
    icon,
    icon_button,
    notice,
    popover,
    row,
    segmented,
    select,
    switch_row,
    token,
    var,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.conditions import add_condition, condition, problem_line
from app.ui.pages.model_editor.pricing_state import PricingState, on
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.widgets import drag_handle


def price_form() -> rx.Component:
    """The left column."""
    return column(
        rx.el.div(
            field(
                t("model_editor.price.kind"),
                segmented(
                    [("fixed", t("model_editor.price.fixed")), ("formula", t("model_editor.price.formula"))],
                    value=rx.cond(EditorState.is_fixed, "fixed", "formula"),
                    on_change=PricingState.choose_kind,
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
                        value=EditorState.billing,
                        on_change=PricingState.set_billing,
                        label=t("model_editor.price.charge"),
                    ),
                ),
            ),
            class_name="fb-form-pair",
        ),
        rx.cond(
            EditorState.is_fixed,
            rx.el.p(t("model_editor.price.fixed_words"), class_name="fb-text-2"),
            rx.cond(EditorState.readable, _formula(), _unreadable()),
        ),
        class_name="fb-editor-form",
    )


def _fixed() -> rx.Component:
    return field(
        t("model_editor.price.credits"),
        typed_input(
            value=EditorState.credit_cost,
            on_change=PricingState.set_credit_cost,
            after=t("model_editor.per.perRequest"),
            input_mode="decimal",
            id="credit-cost",
            invalid=EditorState.credit_problem != "",
            test_id="credit-cost",
        ),
        aside=_was(EditorState.credit_was),
        error=EditorState.credit_problem,
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
        rx.el.div(_unit(), _base(), class_name="fb-form-pair"),
        _token_classes(),
        _tiers(),
        _effects(),
        _adjustments(),
        _whole_rule(),
    )


# ---- unit and base ----


def _unit() -> rx.Component:
    return field(
        t("model_editor.price.unit"),
        select(
            [(name, t(f"model_editor.unit.{name}")) for name in UNITS],
            value=EditorState.unit,
            on_change=PricingState.set_unit,
            label=t("model_editor.price.unit"),
        ),
        aside=rx.el.span(EditorState.unit_hint, class_name="fb-mono fb-cut fb-unit-hint", title=EditorState.unit_hint),
        error=EditorState.option_problems["unit"],
    )


def _base() -> rx.Component:
    return field(
        t("model_editor.price.base"),
        column(rx.foreach(EditorState.base, _base_figure), class_name="gap-2"),
    )


def _base_figure(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(
            token("small"),
            typed_input(
                value=one["value"],
                on_change=lambda text: on.set_base(one["key"], text),
                label=one["name"],
                input_mode="decimal",
                invalid=one["problem"] != "",
                quiet=True,
                test_id="base-" + one["key"],
            ),
            _was(one["was"]),
            rx.el.span(one["label"], class_name="fb-input-after"),
            class_name="fb-input fb-input-box fb-figure-box",
        ),
        field_error(one["problem"]),
    )


def _was(text: Any) -> rx.Component:
    return rx.cond(text != "", rx.el.s(text, class_name="fb-was fb-num", title=t("model_editor.price.was")))


def _token_classes() -> rx.Component:
    return rx.cond(
        EditorState.has_classes,
        row(
            segmented(
                [("0", t("model_editor.price.one_price")), ("1", t("model_editor.price.by_class"))],
                value=EditorState.classes,
                on_change=PricingState.set_classes,
                label=t("model_editor.price.classes"),
                small=True,
                full=False,
            ),
            rx.cond(
                EditorState.can_cache,
                rx.el.label(
                    rx.checkbox(checked=EditorState.has_cached, on_change=PricingState.set_cached, size="1"),
                    rx.el.span(t("model_editor.price.cached")),
                    class_name="fb-cond-check",
                ),
            ),
            class_name="flex-wrap gap-3",
        ),
    )


# ---- tiers ----


def _tiers() -> rx.Component:
    return rx.el.section(
        row(
            rx.el.h2(t("model_editor.tiers.title"), class_name="fb-label"),
            rx.el.span(t("model_editor.tiers.hint"), class_name="fb-small flex-1"),
            rx.el.button(
                icon("plus", 14),
                t("model_editor.tiers.add"),
                type="button",
                class_name="fb-text-button",
                on_click=PricingState.add_tier,
            ),
        ),
        rx.el.div(
            rx.el.div(
                rx.foreach(EditorState.tiers, _tier),
                custom_attrs={"data-fb-sortable": ""},
            ),
            rx.el.div(
                rx.el.span("–", class_name="fb-tier-number"),
                rx.el.span(
                    rx.cond(
                        var(EditorState.tiers).length() > 0,
                        t("model_editor.tiers.otherwise"),
                        t("model_editor.tiers.none"),
                    ),
                    class_name="flex-1 fb-text-2",
                ),
                rx.el.span(EditorState.otherwise, class_name="fb-num fb-medium"),
                class_name="fb-tier fb-tier-rest",
            ),
            class_name="fb-card fb-tiers",
        ),
        class_name="fb-form-section",
        custom_attrs={"aria-label": t("model_editor.tiers.title")},
    )


def _tier(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            drag_handle(
                index=one["index"],
                count=var(EditorState.tiers).length(),
                label=t("model_editor.tiers.move"),
                on_move=lambda to: on.move_tier(one["index"], to),
            ),
            rx.el.span(one["number"], class_name="fb-tier-number fb-num"),
            rx.el.span(
                rx.el.span(t("model_editor.tiers.if"), class_name="fb-cond-op"),
                rx.foreach(
                    one["conditions"],
                    lambda each, at: rx.fragment(
                        rx.cond(at > 0, rx.el.span(t("model_editor.tiers.and_word"), class_name="fb-cond-op")),
                        condition(each),
                    ),
                ),
                add_condition(one),
                class_name="fb-tier-when",
            ),
            rx.el.span(rx.foreach(one["prices"], lambda each: _tier_price(one, each)), class_name="fb-tier-prices"),
            icon_button("x", t("model_editor.tiers.remove"), size=14, on_click=on.remove_tier(one["index"])),
            class_name="fb-tier-line",
        ),
        rx.foreach(one["conditions"], problem_line),
        rx.foreach(
            one["prices"],
            lambda each: rx.cond(
                each["problem"] != "",
                rx.el.p(icon("circle-alert", 13), rx.el.span(each["problem"]), class_name="fb-row-problem"),
            ),
        ),
        problem_line(one),
        rx.cond(one["note"] != "", rx.el.p(icon("info", 13), rx.el.span(one["note"]), class_name="fb-row-note")),
        class_name="fb-tier",
        custom_attrs={
            "data-fb-row-at": one["index"],
            "data-testid": "tier",
            "data-changed": rx.cond(one["changed"] & EditorState.has_live_rule, "true", "false"),
            "data-wrong": rx.cond(one["wrong"], "true", "false"),
            "data-idle": rx.cond(one["note"] != "", "true", "false"),
        },
    )


def _tier_price(tier: Any, one: Any) -> rx.Component:
    return rx.el.span(
        _was(one["was"]),
        typed_input(
            value=one["value"],
            on_change=lambda text: on.set_tier_price(tier["index"], one["key"], text),
            label=one["name"],
            input_mode="decimal",
            invalid=one["problem"] != "",
            quiet=True,
            test_id="tier-price",
        ),
        rx.el.span(one["label"], class_name="fb-input-after"),
        class_name="fb-input fb-input-box fb-figure-box",
    )


# ---- per-attribute prices ----


def _effects() -> rx.Component:
    return rx.cond(
        var(EditorState.groups).length() > 0,
        rx.el.section(
            row(
                rx.el.h2(t("model_editor.effects.title"), class_name="fb-label"),
                rx.el.span(t("model_editor.effects.hint"), class_name="fb-small"),
            ),
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th(t("model_editor.effects.parameter"), scope="col"),
                            rx.el.th(t("model_editor.effects.value"), scope="col"),
                            rx.el.th(t("model_editor.effects.effect"), scope="col"),
                            rx.el.th(t("model_editor.effects.credits"), scope="col", class_name="fb-right"),
                        )
                    ),
                    rx.foreach(EditorState.groups, _group),
                    class_name="fb-effects",
                ),
                rx.cond(
                    EditorState.not_priced != "",
                    rx.el.p(EditorState.not_priced, class_name="fb-small fb-effects-foot"),
                ),
                class_name="fb-card fb-effects-box",
            ),
            class_name="fb-form-section",
        ),
    )


def _group(group: Any) -> rx.Component:
    return rx.el.tbody(
        rx.foreach(group["rows"], _effect),
        rx.cond(
            group["folded"],
            rx.el.tr(
                rx.el.td(
                    rx.el.button(
                        icon("chevron-down", 14),
                        group["more"],
                        type="button",
                        class_name="fb-fold",
                        on_click=on.unfold(group["param"]),
                    ),
                    col_span=4,
                )
            ),
        ),
    )


def _effect(one: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.th(rx.cond(one["first"], one["param"], ""), scope="row", class_name="fb-mono"),
        rx.el.td(rx.el.span(one["label"], class_name="fb-mono fb-text-2")),
        rx.el.td(
            _effect_select(
                one["effect"],
                lambda effect: on.choose_effect(one["param"], one["value"], one["effect"], effect),
            )
        ),
        rx.el.td(
            row(
                rx.foreach(
                    one["figures"],
                    lambda figure: typed_input(
                        value=figure["value"],
                        on_change=lambda text: on.set_effect(
                            one["param"], one["value"], one["effect"], figure["key"], text
                        ),
                        label=one["param"] + " " + one["label"] + " " + figure["name"],
                        placeholder=rx.match(one["effect"], ("multiply", "1"), ("set", "–"), "0"),
                        input_mode="decimal",
                        invalid=one["problem"] != "",
                        test_id="effect-figure",
                    ),
                ),
                class_name="justify-end gap-1",
            ),
            class_name="fb-right",
            title=one["problem"],
        ),
        custom_attrs={
            "data-changed": rx.cond(one["changed"] & EditorState.has_live_rule, "true", "false"),
            "data-wrong": rx.cond(one["problem"] != "", "true", "false"),
            "data-first": rx.cond(one["first"], "true", "false"),
        },
    )


def _effect_select(value: Any, on_change: Any) -> rx.Component:
    return rx.el.select(
        *[
            rx.el.option(t(f"model_editor.effect.{effect}"), value=effect)
            for effect in ("add", "multiply", "set", "addFlat")
        ],
        value=value,
        on_change=on_change,
        class_name="fb-mini-select",
        custom_attrs={"aria-label": t("model_editor.effects.effect")},
    )


def _adjustments() -> rx.Component:
    return rx.cond(
        (var(EditorState.adjustments).length() > 0) | (var(EditorState.adjustable).length() > 0),
        rx.el.section(
            row(
                rx.el.h2(t("model_editor.adjust.title"), class_name="fb-label"),
                rx.el.span(t("model_editor.adjust.hint"), class_name="fb-small flex-1"),
                _add_adjustment(),
            ),
            rx.cond(
                var(EditorState.adjustments).length() > 0,
                rx.el.div(rx.foreach(EditorState.adjustments, _adjustment), class_name="fb-card fb-tiers"),
            ),
            class_name="fb-form-section",
        ),
    )


def _add_adjustment() -> rx.Component:
    return rx.cond(
        var(EditorState.adjustable).length() > 0,
        popover(
            rx.el.button(icon("plus", 14), t("model_editor.adjust.add"), type="button", class_name="fb-text-button"),
            rx.foreach(
                EditorState.adjustable,
                lambda one: rx.popover.close(
                    rx.el.button(
                        rx.el.span(one["label"], class_name="fb-mono"),
                        type="button",
                        class_name="fb-menu-item",
                        on_click=on.add_adjustment(one["value"]),
                    )
                ),
            ),
            width="220px",
            align="end",
        ),
    )


def _adjustment(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(
                rx.el.span(t("model_editor.tiers.if"), class_name="fb-cond-op"),
                condition(one["condition"]),
                class_name="fb-tier-when",
            ),
            _effect_select(one["effect"], lambda effect: on.choose_adjustment(one["index"], one["effect"], effect)),
            rx.el.span(
                rx.foreach(
                    one["figures"],
                    lambda figure: typed_input(
                        value=figure["value"],
                        on_change=lambda text: on.set_adjustment(one["index"], one["effect"], figure["key"], text),
                        label=figure["name"],
                        input_mode="decimal",
                        invalid=one["problem"] != "",
                    ),
                ),
                class_name="fb-tier-prices fb-narrow-figures",
            ),
            icon_button("x", t("model_editor.adjust.remove"), size=14, on_click=on.remove_adjustment(one["index"])),
            class_name="fb-tier-line",
        ),
        problem_line(one["condition"]),
        rx.cond(
            one["problem"] != "",
            rx.el.p(icon("circle-alert", 13), rx.el.span(one["problem"]), class_name="fb-row-problem"),
        ),
        class_name="fb-tier",
        custom_attrs={
            "data-changed": rx.cond(one["changed"] & EditorState.has_live_rule, "true", "false"),
            "data-wrong": rx.cond(one["wrong"], "true", "false"),
        },
    )


# ---- the whole rule ----


def _whole_rule() -> rx.Component:
    return rx.el.section(
        rx.el.button(
            rx.cond(PricingState.shows_options, icon("chevron-down", 14), icon("chevron-right", 14)),
            rx.el.span(t("model_editor.options.title"), class_name="fb-label"),
            rx.el.span(t("model_editor.options.hint"), class_name="fb-small"),
            type="button",
            class_name="fb-fold",
            on_click=PricingState.toggle_options,
            custom_attrs={"aria-expanded": rx.cond(PricingState.shows_options, "true", "false")},
        ),
        rx.cond(
            PricingState.shows_options,
            rx.el.div(
                switch_row(
                    t("model_editor.options.base_fee"),
                    checked=EditorState.has_base_fee,
                    on_change=PricingState.set_base_fee,
                    detail=t("model_editor.options.base_fee_hint"),
                ),
                rx.cond(
                    EditorState.has_base_fee & EditorState.takes_included,
                    row(
                        rx.el.span(t("model_editor.options.included_hint"), class_name="fb-small flex-1"),
                        rx.el.button(
                            t("model_editor.options.add_included"),
                            type="button",
                            class_name="fb-text-button",
                            on_click=on.set_base("included", "1"),
                        ),
                    ),
                ),
                rx.el.div(
                    _option_figure("minimum", EditorState.minimum),
                    _option_figure("add_flat", EditorState.add_flat),
                    field(
                        t("model_editor.options.round_to"),
                        typed_input(
                            value=EditorState.round_to,
                            on_change=PricingState.set_rounding,
                            label=t("model_editor.options.round_to"),
                            placeholder=t("model_editor.options.no_rounding"),
                            input_mode="decimal",
                        ),
                        error=EditorState.option_problems["round_to"],
                    ),
                    field(
                        t("model_editor.options.round_mode"),
                        segmented(
                            [("up", t("model_editor.options.up")), ("half_up", t("model_editor.options.half_up"))],
                            value=EditorState.round_mode,
                            on_change=PricingState.set_rounding_mode,
                            label=t("model_editor.options.round_mode"),
                        ),
                    ),
                    class_name="fb-form-pair",
                ),
                field(
                    t("model_editor.options.overage"),
                    segmented(
                        [(name, t(f"model_editor.options.{name}")) for name in ("cap", "extend", "owe")],
                        value=EditorState.overage,
                        on_change=PricingState.set_overage,
                        label=t("model_editor.options.overage"),
                    ),
                    hint=rx.match(
                        EditorState.overage,
                        ("extend", t("model_editor.options.extend_hint")),
                        ("owe", t("model_editor.options.owe_hint")),
                        t("model_editor.options.cap_hint"),
                    ),
                ),
                switch_row(
                    t("model_editor.options.refund"),
                    checked=EditorState.refund,
                    on_change=PricingState.set_refund,
                    detail=t("model_editor.options.refund_hint"),
                ),
                class_name="fb-options",
            ),
        ),
        class_name="fb-form-section",
    )


def _option_figure(name: str, value: Any) -> rx.Component:
    return field(
        t(f"model_editor.options.{name}"),
        typed_input(
            value=value,
            on_change=lambda text: on.set_option(name, text),
            label=t(f"model_editor.options.{name}"),
            placeholder="0",
            after=t("model_editor.per.perRequest"),
            input_mode="decimal",
        ),
        error=EditorState.option_problems[name],
    )
