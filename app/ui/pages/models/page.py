"""The catalogue: the list at the left, the open model beside it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    empty_state,
    filter_input,
    modality_icon,
    model_tile,
    route_link,
    segmented,
    skeleton,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.models.detail import detail
from app.ui.pages.models.state import ModelsState
from app.ui.roles import Role


@page("/models", title=t("models.title"), role=Role.CUSTOMER, on_load=ModelsState.load)
def models() -> rx.Component:
    return shell(
        rx.cond(
            ModelsState.ready & ~var(ModelsState.has_any),
            empty_state("box", t("models.empty.title"), t("models.empty.sentence")),
            rx.el.div(
                _list(),
                rx.el.div(rx.cond(ModelsState.ready, detail(), _waiting()), class_name="fb-model-page fb-scroll"),
                class_name="fb-models",
                custom_attrs={"data-open": rx.cond(ModelsState.is_open, "true", "false")},
            ),
        ),
        here="models",
        title=t("models.title"),
        bleed=True,
    )


def _list() -> rx.Component:
    nothing = empty_state(
        "search-x",
        t("models.empty.nothing_title"),
        t("models.empty.nothing_sentence"),
        button(t("models.empty.clear"), on_click=ModelsState.clear),
        compact=True,
    )
    found = rx.el.ul(rx.foreach(ModelsState.rows, _line), class_name="fb-model-lines", aria_label=t("models.list"))
    waiting = rx.el.div(*[skeleton("100%", "40px") for _ in range(8)], class_name="flex flex-col gap-2 p-3")
    return rx.el.div(
        rx.el.div(
            filter_input(value=ModelsState.search, on_change=ModelsState.look_for, label=t("models.search")),
            segmented(
                var(ModelsState.tabs),
                value=ModelsState.modality,
                on_change=var(ModelsState.choose_modality),
                label=t("models.modality"),
                small=True,
            ),
            class_name="fb-model-filters",
        ),
        rx.el.div(
            rx.cond(ModelsState.ready, rx.cond(var(ModelsState.rows).length() == 0, nothing, found), waiting),
            class_name="fb-model-scroll fb-scroll",
        ),
        rx.el.p(ModelsState.counted, class_name="fb-small fb-model-count", role="status"),
        class_name="fb-model-list",
    )


def _line(item: Any) -> rx.Component:
    return rx.el.li(
        route_link(
            model_tile(item["letter"]),
            rx.el.span(
                rx.el.span(item["title"], class_name="fb-medium fb-cut", title=item["title"]),
                rx.el.span(item["price"], class_name="fb-small fb-cut", title=item["price"]),
                class_name="flex flex-col flex-1 min-w-0",
            ),
            rx.el.span(modality_icon(item["modality"], 15), class_name="fb-text-3 flex"),
            href=item["href"],
            class_name="fb-model-line",
            custom_attrs={
                "data-fb-row": "",
                "data-testid": "model-line",
                "aria-current": rx.cond(item["chosen"], "true", "false"),
            },
        )
    )


def _waiting() -> rx.Component:
    return rx.el.div(
        skeleton("18em", "1.4em"),
        skeleton("30em"),
        skeleton("100%", "150px"),
        skeleton("100%", "260px"),
        class_name="flex flex-col gap-4",
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
    )
