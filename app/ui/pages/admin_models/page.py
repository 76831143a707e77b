"""`/admin/models`: every model with its price, its worst margin and whether customers may use it."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.catalogue.operations import MODALITIES
from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    chip,
    empty_state,
    filter_input,
    modality_icon,
    provider_tile,
    row,
    segmented,
    select,
    two_line,
    var,
)
from app.ui.components.table import data_table
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_models.add_dialog import add_dialog
from app.ui.pages.admin_models.add_state import AddModelState
from app.ui.pages.admin_models.lines import VIEWS
from app.ui.pages.admin_models.state import ANY, AdminModelsState
from app.ui.pages.model_editor.offering import offer_dialog
from app.ui.pages.model_editor.offering import on as offer_on
from app.ui.roles import Role


@page("/admin/models", title=t("admin_models.title"), role=Role.OPERATOR, on_load=AdminModelsState.load)
def admin_models() -> rx.Component:
    return shell(
        _filters(),
        rx.el.section(
            data_table(
                _columns(),
                AdminModelsState.lines,
                label=t("admin_models.title"),
                href=lambda line: line["href"],
                phone=_phone,
                loading=~var(AdminModelsState.ready),
                error=AdminModelsState.problem,
                on_retry=AdminModelsState.load,
                empty=rx.cond(AdminModelsState.has_any, _nothing_found(), _nothing()),
            ),
            class_name="fb-card fb-ed-models",
        ),
        offer_dialog(),
        add_dialog(),
        here="admin_models",
        title=t("admin_models.title"),
        area=Role.OPERATOR,
        actions=[
            button(
                t("admin_models.add"),
                kind="solid",
                icon_name="plus",
                on_click=AddModelState.open_add,
                custom_attrs={"data-testid": "add-model"},
            )
        ],
    )


def _filters() -> rx.Component:
    counts = AdminModelsState.counts
    return row(
        filter_input(
            value=AdminModelsState.search, on_change=AdminModelsState.look_for, label=t("admin_models.search")
        ),
        segmented(
            [(view, t(f"admin_models.view.{view}"), counts[view]) for view in VIEWS],
            value=AdminModelsState.view,
            on_change=AdminModelsState.choose_view,
            label=t("admin_models.views"),
            full=False,
        ),
        rx.el.span(class_name="flex-1"),
        rx.el.span(
            select(
                [(ANY, t("admin_models.any")), *[(one, t(f"model_editor.modality.{one}")) for one in MODALITIES]],
                value=AdminModelsState.modality,
                on_change=AdminModelsState.choose_modality,
                label=t("admin_models.modality"),
            ),
            style={"width": "150px"},
        ),
        class_name="fb-ed-filters flex-wrap",
    )


def _columns() -> Sequence[Column]:
    return [
        Column(t("admin_models.model"), _name, grow=True),
        Column(t("admin_models.provider"), _providers, width="6rem", wide_only=True),
        Column(
            t("admin_models.price"), lambda line: rx.el.span(line["price"], class_name="fb-cut", title=line["price"])
        ),
        Column(t("admin_models.worst"), _margin, numeric=True, width="7rem"),
        Column(t("admin_models.version"), lambda line: line["version"], numeric=True, width="4.5rem", wide_only=True),
        Column(t("admin_models.offered"), _switch, width="5rem"),
    ]


def _name(line: Any) -> rx.Component:
    return rx.el.span(
        rx.el.span(modality_icon(line["modality"]), class_name="fb-text-3", title=line["modality"]),
        rx.el.span(line["title"], class_name="fb-medium fb-cut"),
        rx.el.span(line["alias"], class_name="fb-mono fb-small fb-cut"),
        rx.cond(line["draft"] != "", rx.el.span(chip(t("admin_models.draft"), tone="accent"), title=line["draft"])),
        rx.cond(line["verified"], None, chip(t("model_editor.unverified"), tone="outline")),
        class_name="fb-ed-model-name",
    )


def _providers(line: Any) -> rx.Component:
    return rx.el.span(
        rx.foreach(line["kinds"].to(list[str]), lambda kind: provider_tile(kind, size="small")),
        class_name="inline-flex gap-1",
        title=line["providers"],
    )


def _margin(line: Any) -> rx.Component:
    return rx.el.span(chip(line["margin"], tone=line["tone"]), title=line["worst"])


def _switch(line: Any) -> rx.Component:
    return rx.switch(
        checked=line["enabled"],
        on_change=lambda wanted: offer_on.ask(line["model_id"], wanted),
        size="1",
        custom_attrs={"aria-label": t("admin_models.offer") + " " + line["alias"], "data-testid": "offer"},
    )


def _phone(line: Any) -> rx.Component:
    return two_line(
        line["title"],
        line["price"],
        line["margin"],
        rx.cond(line["enabled"], t("model_editor.enabled"), t("model_editor.disabled")),
        mark=modality_icon(line["modality"]),
        figure_tone=line["tone"],
    )


def _nothing() -> rx.Component:
    return empty_state(
        "box",
        t("admin_models.empty"),
        t("admin_models.empty_words"),
        button(t("admin_models.add"), kind="solid", icon_name="plus", on_click=AddModelState.open_add),
    )


def _nothing_found() -> rx.Component:
    return empty_state("search", t("admin_models.none_found"), t("admin_models.none_found_words"), compact=True)
