"""The dialog that adds a model."""

import reflex as rx

from app.catalogue.operations import MODALITIES
from app.kernel.text import t
from app.ui.components import (
    decision,
    dialog,
    field,
    notice,
    select,
)
from app.ui.components.typed import typed_input
from app.ui.pages.admin_models.add_state import AddModelState, on
from app.ui.pages.model_editor.starters import PRICE_UNIT


def add_dialog() -> rx.Component:
    form, wrong = AddModelState.form, AddModelState.wrong
    return dialog(
        field(
            t("admin_models.form.provider"),
            select(
                AddModelState.providers,
                value=form["provider"],
                on_change=lambda chosen: on.set_value("provider", chosen),
                label=t("admin_models.form.provider"),
            ),
            error=wrong["provider"],
        ),
        _input("upstream", t("admin_models.form.upstream_example"), mono=True),
        field(
            t("admin_models.form.modality"),
            select(
                [(one, t(f"model_editor.modality.{one}")) for one in MODALITIES],
                value=form["modality"],
                on_change=lambda chosen: on.set_value("modality", chosen),
                label=t("admin_models.form.modality"),
            ),
            error=wrong["modality"],
        ),
        rx.el.div(
            _input("title", t("admin_models.form.title_example")),
            _input("alias", "", mono=True),
            class_name="fb-form-pair",
        ),
        field(
            t("admin_models.form.price"),
            typed_input(
                value=form["price"],
                on_change=lambda text: on.set_value("price", text),
                id="add-price",
                input_mode="decimal",
                after=rx.match(
                    form["modality"], *[(name, t(f"model_editor.per.{key}")) for name, key in PRICE_UNIT.items()], ""
                ),
                delay=120,
            ),
            error=wrong["price"],
            hint=t("admin_models.form.price_hint"),
            for_id="add-price",
        ),
        rx.cond(AddModelState.refused != "", notice(AddModelState.refused)),
        title=t("admin_models.add"),
        detail=t("admin_models.form.words"),
        is_open=AddModelState.adding,
        on_open_change=AddModelState.set_adding,
        footer=decision(
            t("admin_models.form.act"), AddModelState.add, busy=AddModelState.saving, test_id="create-model"
        ),
    )


def _input(name: str, example: str, *, mono: bool = False) -> rx.Component:
    return field(
        t(f"admin_models.form.{name}"),
        typed_input(
            value=AddModelState.form[name],
            on_change=lambda text: on.set_value(name, text),
            placeholder=example,
            id=f"add-{name}",
            mono=mono,
            invalid=AddModelState.wrong[name] != "",
            delay=120,
        ),
        error=AddModelState.wrong[name],
        for_id=f"add-{name}",
    )
