"""The dialogs of plans, prices and entitlements. One state is behind all of them: only one is open."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    check,
    column,
    decision,
    dialog,
    field,
    notice,
    row,
    segmented,
    select,
    text_input,
    typed_input,
    var,
)
from app.ui.pages.admin_plans.rows import KINDS, MODES, OTHERWISE, PERIODS, ROLES, SUGGESTED, WAYS
from app.ui.pages.admin_plans.state import PlansState

STATE = var(PlansState)


def dialogs() -> tuple[rx.Component, ...]:
    return (
        _dialog("plan", rx.cond(PlansState.editing != "", t("admin_plans.edit"), t("admin_plans.new")), _plan_form()),
        _dialog("price", t("admin_plans.price.new"), _price_form()),
        _dialog("change", _titled("admin_plans.price.change_of"), _change_form()),
        _dialog("end", _titled("admin_plans.price.end_of"), notice(t("admin_plans.price.end_warning"), tone="thin")),
        _dialog("promise", t("admin_plans.promise.new"), _promise_form()),
    )


def _dialog(doing: str, title: Any, body: rx.Component) -> rx.Component:
    return dialog(
        rx.el.div(
            column(rx.cond(PlansState.errors[""] != "", notice(PlansState.errors[""])), body, class_name="gap-[14px]"),
            key=PlansState.stamp,
        ),
        title=title,
        is_open=PlansState.doing == doing,
        on_open_change=STATE.opened,
        footer=decision(t(f"admin_plans.act.{doing}"), STATE.save, busy=PlansState.busy, test_id=f"save-{doing}"),
    )


def _plan_form() -> rx.Component:
    return column(_text("name"), _text("lookup_key", mono=True), _text("description"), class_name="gap-[14px]")


def _price_form() -> rx.Component:
    is_usage = PlansState.way != "fee"
    return column(
        field(
            t("admin_plans.form.way"),
            segmented(
                [(way, t(f"admin_plans.way.{way}")) for way in WAYS],
                value=PlansState.way,
                on_change=lambda way: STATE.choose("way", way),
                label=t("admin_plans.form.way"),
            ),
        ),
        rx.cond(is_usage, _meter()),
        row(
            rx.cond(PlansState.way != "tiers", _text("amount", mono=True)),
            _text("currency", mono=True),
            class_name="gap-[14px] items-start fb-two-fields",
        ),
        rx.cond(PlansState.way == "package", _text("per", mono=True)),
        rx.cond(PlansState.way == "tiers", column(_tiers(), _mode(), class_name="gap-[14px]")),
        _period(),
        rx.cond(
            is_usage,
            field(
                t("admin_plans.form.filters"),
                typed_input(
                    id="plan-filters",
                    value=PlansState.values["filters"],
                    on_change=lambda text: STATE.write("filters", text),
                    placeholder="model = veo-3.1-generate-001\nresolution = 720p, 1080p",
                    multiline=True,
                    rows=3,
                    mono=True,
                    delay=0,
                ),
                hint=t("admin_plans.form.filters_hint"),
                error=PlansState.errors["filters"],
                for_id="plan-filters",
            ),
        ),
        rx.cond(
            is_usage & (STATE.models.length() > 0),
            select(
                PlansState.models,
                value="",
                on_change=lambda chosen: STATE.choose("only", chosen),
                label=t("admin_plans.form.only"),
                placeholder=t("admin_plans.form.only"),
            ),
        ),
        _text("display_name"),
        _text("lookup_key", mono=True),
        class_name="gap-[14px]",
    )


def _change_form() -> rx.Component:
    return column(
        notice(t("admin_plans.price.change_words"), tone="neutral"),
        rx.cond(PlansState.is_tiered, _tiers(), _text("amount", mono=True)),
        class_name="gap-[14px]",
    )


def _tiers() -> rx.Component:
    """A line for each tier."""
    return field(
        t("admin_plans.form.tiers"),
        typed_input(
            id="plan-tiers",
            value=PlansState.values["tiers"],
            on_change=lambda text: STATE.write("tiers", text),
            placeholder="100 = 0.10\n1,000 = 0.08\n= 0.05",
            multiline=True,
            rows=4,
            mono=True,
            delay=0,
        ),
        hint=t("admin_plans.form.tiers_hint"),
        error=PlansState.errors["tiers"],
        for_id="plan-tiers",
    )


def _mode() -> rx.Component:
    return field(
        t("admin_plans.form.mode"),
        segmented(
            [(mode, t(f"admin_plans.form.mode_{mode.lower()}")) for mode in MODES],
            value=PlansState.mode,
            on_change=lambda mode: STATE.choose("mode", mode),
            label=t("admin_plans.form.mode"),
            small=True,
        ),
    )


def _promise_form() -> rx.Component:
    return column(
        field(
            t("admin_plans.form.promising"),
            segmented(
                [(kind, t(f"admin_plans.kind.{kind}")) for kind in KINDS],
                value=PlansState.promising,
                on_change=lambda kind: STATE.choose("promising", kind),
                label=t("admin_plans.form.promising"),
                small=True,
            ),
        ),
        rx.match(
            PlansState.promising,
            ("model", _choice("model", PlansState.models, PlansState.model, hint=t("admin_plans.form.model_hint"))),
            ("limit", _limit()),
            ("quota", column(_meter(), _counted(), class_name="gap-[14px]")),
            _own_feature(),
        ),
        class_name="gap-[14px]",
    )


def _limit() -> rx.Component:
    return column(
        field(
            t("admin_plans.form.role"),
            segmented(
                [(role, t(f"admin_plans.role.{role}")) for role in ROLES],
                value=PlansState.role,
                on_change=lambda role: STATE.choose("role", role),
                label=t("admin_plans.form.role"),
                small=True,
            ),
        ),
        field(
            t("admin_plans.form.most"),
            column(
                typed_input(
                    value=PlansState.values["most"],
                    on_change=lambda text: STATE.write("most", text),
                    id="plan-most",
                    delay=0,
                ),
                rx.match(PlansState.role, *[(role, _suggested(SUGGESTED[role])) for role in ROLES], rx.fragment()),
                class_name="gap-2",
            ),
            hint=t("admin_plans.form.most_hint"),
            error=PlansState.errors["most"],
            for_id="plan-most",
        ),
        field(
            t("admin_plans.form.otherwise"),
            segmented(
                [(way, t(f"admin_plans.beyond.{way}")) for way in OTHERWISE],
                value=PlansState.otherwise,
                on_change=lambda way: STATE.choose("otherwise", way),
                label=t("admin_plans.form.otherwise"),
                small=True,
            ),
        ),
        class_name="gap-[14px]",
    )


def _suggested(values: Sequence[str]) -> rx.Component:
    """Usual limits, each a click."""
    return row(
        *[
            button(
                value,
                size="small",
                on_click=STATE.choose("most", value),
                custom_attrs={"aria-pressed": rx.cond(PlansState.values["most"] == value, "true", "false")},
            )
            for value in values
        ],
        class_name="flex-wrap gap-[6px]",
    )


def _own_feature() -> rx.Component:
    return column(
        _choice("feature", PlansState.features, PlansState.feature, error=PlansState.errors["feature_id"]),
        rx.cond(PlansState.kind == "metered", _counted()),
        rx.cond(PlansState.kind == "static", _text("value")),
        rx.cond(PlansState.kind == "config", notice(t("admin_plans.promise.by_api"), tone="neutral")),
        rx.cond(STATE.features.length() == 0, notice(t("admin_plans.promise.no_features"), tone="neutral")),
        class_name="gap-[14px]",
    )


def _counted() -> rx.Component:
    return column(
        _text("limit", mono=True),
        _period(),
        check(t("admin_plans.form.soft"), checked=PlansState.soft, on_change=STATE.choose_soft),
        class_name="gap-[14px]",
    )


def _meter() -> rx.Component:
    return _choice("meter", PlansState.meters, PlansState.meter, error=PlansState.errors["meter_id"])


def _choice(what: str, options: Any, value: Any, *, error: Any = None, hint: Any = None) -> rx.Component:
    label = t(f"admin_plans.form.{what}")
    return field(
        label,
        select(
            options,
            value=value,
            on_change=lambda chosen: STATE.choose(what, chosen),
            label=label,
            placeholder=t("admin_plans.form.choose"),
        ),
        hint=hint,
        error=PlansState.errors[what] if error is None else error,
    )


def _period() -> rx.Component:
    return field(
        t("admin_plans.form.period"),
        select(
            [(period, t(f"admin_plans.period.{period.lower()}")) for period in PERIODS],
            value=PlansState.period,
            on_change=lambda period: STATE.choose("period", period),
            label=t("admin_plans.form.period"),
        ),
    )


def _text(name: str, *, mono: bool = False) -> rx.Component:
    hinted = {"lookup_key", "per", "limit", "most"}
    return field(
        t(f"admin_plans.form.{name}"),
        text_input(
            mono=mono,
            id=f"plan-{name}",
            default_value=PlansState.values[name],
            on_change=lambda text: STATE.write(name, text),
            auto_complete="off",
            input_mode="decimal" if name in {"amount", "per", "limit"} else "text",
        ),
        hint=t(f"admin_plans.form.{name}_hint") if name in hinted else None,
        error=PlansState.errors[name],
        for_id=f"plan-{name}",
    )


def _titled(key: str) -> rx.Var:  # type: ignore[type-arg]
    before, _, after = t(key, name="\n").partition("\n")
    return rx.Var.create(before) + PlansState.subject + after
