"""`/admin/providers` drawn: a card for each provider, its form and the confirmation of its switch."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    card,
    check,
    chip,
    column,
    decision,
    definition,
    dialog,
    empty_state,
    field,
    notice,
    provider_tile,
    row,
    skeleton,
    text_area,
    text_input,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_providers.add import add_button, add_dialog
from app.ui.pages.admin_providers.form import SECONDS
from app.ui.pages.admin_providers.state import ProvidersState
from app.ui.roles import Role

KIND = ("fal", "replicate", "kie", "openai_compatible")


@page("/admin/providers", title=t("admin_providers.title"), role=Role.OPERATOR, on_load=ProvidersState.load)
def admin_providers() -> rx.Component:
    cards = rx.el.div(rx.foreach(ProvidersState.rows, _card), class_name="fb-providers")
    nothing = empty_state("plug", t("admin_providers.empty.title"), t("admin_providers.empty.sentence"))
    waiting = rx.el.div(
        *[card(skeleton("100%", "220px"), class_name="p-4") for _ in range(3)], class_name="fb-providers"
    )
    return shell(
        rx.cond(ProvidersState.ready, rx.cond(var(ProvidersState.rows).length() > 0, cards, nothing), waiting),
        _form(),
        _switch_dialog(),
        add_dialog(),
        here="providers",
        title=t("admin_providers.title"),
        actions=[add_button()],
        area=Role.OPERATOR,
    )


def _card(one: Any) -> rx.Component:
    return card(
        row(
            provider_tile(one["kind"]),
            rx.el.h2(one["name"], class_name="fb-panel-title fb-cut"),
            rx.cond(one["sandbox"], chip(t("admin_providers.sandbox"), tone="outline", icon_name="flask-conical")),
            rx.el.span(class_name="flex-1"),
            rx.el.span(
                rx.cond(one["enabled"], t("admin_providers.on"), t("admin_providers.off")), class_name="fb-small"
            ),
            rx.switch(
                checked=one["enabled"],
                on_change=lambda _: var(ProvidersState.ask_switch)(one["id"]),
                size="2",
                custom_attrs={"aria-label": t("admin_providers.enabled"), "data-testid": "enabled"},
            ),
            class_name="fb-panel-head",
        ),
        column(
            definition(t("admin_providers.base_url"), _cut(one["base_url"])),
            definition(
                t("admin_providers.key.label"),
                rx.cond(one["has_key"], _cut(one["key"]), chip(one["key"], tone="thin", icon_name="key-round")),
            ),
            rx.cond(one["takes_secret"], definition(t("admin_providers.secret.label"), rx.el.span(one["secret"]))),
            definition(t("admin_providers.hosts"), _cut(one["hosts"])),
            definition(t("admin_providers.serves"), rx.el.span(one["models"], class_name="fb-num")),
            rx.el.p(one["served"], class_name="fb-small fb-provider-models", title=one["served"]),
            class_name="px-[14px] py-2",
        ),
        rx.cond(
            one["sentence"] != "",
            rx.el.div(notice(one["sentence"], tone=one["checked"]), class_name="px-[14px] pb-3"),
        ),
        row(
            button(
                rx.cond(one["checking"], t("admin_providers.checking"), t("admin_providers.check")),
                icon_name="plug-zap",
                busy=one["checking"],
                on_click=var(ProvidersState.check)(one["id"]),
            ),
            button(t("admin_providers.edit"), icon_name="pencil", on_click=var(ProvidersState.edit)(one["id"])),
            rx.cond(one["sandbox"], rx.el.span(t("admin_providers.sandbox_note"), class_name="fb-small")),
            class_name="fb-provider-foot",
        ),
        class_name="fb-provider",
        custom_attrs={"data-testid": "provider", "data-provider": one["id"]},
        key=one["id"],
    )


def _cut(text: Any) -> rx.Component:
    return rx.el.span(text, class_name="fb-mono fb-cut", title=text)


# ---- the form ----


def _form() -> rx.Component:
    return dialog(
        rx.cond(ProvidersState.errors[""] != "", notice(ProvidersState.errors[""])),
        _go_live(),
        # Uncontrolled inputs, so that no answer overtakes the typing; a new key fills them in anew.
        rx.el.div(*_fields(), key=ProvidersState.stamp, class_name="flex flex-col gap-[14px]"),
        title=ProvidersState.title,
        detail=t("admin_providers.form.detail"),
        is_open=ProvidersState.editing != "",
        on_open_change=ProvidersState.opened,
        footer=decision(t("admin_providers.form.save"), ProvidersState.save, test_id="save-provider"),
        size="wide",
    )


def _fields() -> list[rx.Component]:
    return [
        rx.el.div(
            _text("base_url", mono=True, placeholder="https://"),
            _key(),
            rx.cond(ProvidersState.kind != "fal", _secret()),
            rx.cond(
                ProvidersState.kind == "fal", rx.fragment(_text("jwks_url", mono=True), _text("api_url", mono=True))
            ),
            class_name="fb-form-grid",
        ),
        field(
            t("admin_providers.form.output_hosts"),
            text_area(
                default_value=ProvidersState.values["output_hosts"],
                on_change=lambda text: var(ProvidersState.write)("output_hosts", text),
                id="provider-output_hosts",
                rows="3",
                class_name="fb-mono",
            ),
            hint=t("admin_providers.form.output_hosts_hint"),
            error=ProvidersState.errors["output_hosts"],
            for_id="provider-output_hosts",
        ),
        rx.el.div(
            *[_text(name, placeholder=f"{default:g}", hint=True) for name, default in SECONDS.items()],
            class_name="fb-form-grid",
        ),
    ]


def _go_live() -> rx.Component:
    steps = rx.match(
        ProvidersState.kind,
        *[(kind, t(f"admin_providers.live.{kind}")) for kind in KIND],
        "",
    )
    return rx.cond(
        ProvidersState.is_live,
        notice(steps, tone="neutral", title=t("admin_providers.live.is_live")),
        notice(
            steps,
            button(t("admin_providers.live.use"), icon_name="globe", size="small", on_click=ProvidersState.use_real),
            tone="neutral",
            title=t("admin_providers.live.title"),
        ),
    )


def _text(name: str, *, mono: bool = False, placeholder: str = "", hint: bool = False) -> rx.Component:
    return field(
        t(f"admin_providers.form.{name}"),
        text_input(
            default_value=ProvidersState.values[name],
            on_change=lambda text: var(ProvidersState.write)(name, text),
            id=f"provider-{name}",
            mono=mono,
            placeholder=placeholder,
            auto_complete="off",
            custom_attrs={"spellCheck": "false"},
        ),
        hint=t("admin_providers.form.seconds") if hint else None,
        error=ProvidersState.errors[name],
        for_id=f"provider-{name}",
    )


def _key() -> rx.Component:
    return rx.el.div(
        _password("api_key", ProvidersState.key_hint, t("admin_providers.form.key_placeholder")),
        rx.cond(
            ProvidersState.key_hint != "",
            check(
                t("admin_providers.form.remove_key"),
                checked=ProvidersState.remove_key,
                on_change=ProvidersState.forget_key,
            ),
        ),
        class_name="flex flex-col gap-2 min-w-0",
    )


def _secret() -> rx.Component:
    return rx.el.div(
        _password("callback_secret", ProvidersState.secret_hint, t("admin_providers.form.secret_placeholder")),
        rx.cond(
            ProvidersState.secret_hint != "",
            check(
                t("admin_providers.form.remove_secret"),
                checked=ProvidersState.remove_secret,
                on_change=ProvidersState.forget_secret,
            ),
        ),
        class_name="flex flex-col gap-2 min-w-0",
    )


def _password(name: str, hint: Any, placeholder: str) -> rx.Component:
    """Never filled in from what is stored; browsers are asked not to remember it."""
    return field(
        t(f"admin_providers.form.{name}"),
        text_input(
            default_value=ProvidersState.values[name],
            on_change=lambda text: var(ProvidersState.write)(name, text),
            id=f"provider-{name}",
            type="password",
            mono=True,
            placeholder=placeholder,
            auto_complete="new-password",
        ),
        hint=hint,
        error=ProvidersState.errors[name],
        for_id=f"provider-{name}",
    )


def _switch_dialog() -> rx.Component:
    return dialog(
        rx.el.p(ProvidersState.switch_words),
        rx.cond(ProvidersState.switch_error != "", notice(ProvidersState.switch_error)),
        title=ProvidersState.switch_title,
        is_open=ProvidersState.switching != "",
        on_open_change=ProvidersState.switch_opened,
        footer=decision(
            ProvidersState.switch_title,
            ProvidersState.switch,
            leave=t("admin_providers.switch.keep"),
            test_id="confirm-switch",
        ),
    )
