"""The Details tab, in the order a model is set up: provider, upstream id, modality, offered or not, limits."""

import reflex as rx

from app.catalogue.operations import MODALITIES, OPERATIONS
from app.kernel.text import t
from app.ui.components import button, column, field, notice, panel, provider_tile, row, segmented
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.details.state import DetailsState, on
from app.ui.pages.model_editor.offering import OfferState
from app.ui.pages.model_editor.offering import on as offer_on
from app.ui.pages.model_editor.pricing.price_state import PriceState
from app.ui.pages.model_editor.state import EditorState


def details_tab() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            column(_source(), _words(), class_name="gap-4 fb-details-main"),
            column(_offer(), _limits(), class_name="gap-4 fb-details-side"),
            _save(),
            class_name="fb-details",
        ),
        class_name="fb-tab-body fb-scroll",
        on_mount=DetailsState.load_details,
    )


def _source() -> rx.Component:
    return panel(
        t("model_editor.details.source"),
        rx.el.div(
            field(
                t("model_editor.details.provider"),
                row(
                    provider_tile(DetailsState.provider_kind, size="small"),
                    rx.el.span(DetailsState.provider_name, class_name="fb-medium"),
                    rx.el.span(DetailsState.other_routes, class_name="fb-small"),
                    class_name="fb-fixed-value",
                ),
                aside=rx.el.button(
                    t("model_editor.details.routes"),
                    type="button",
                    class_name="fb-text-button",
                    on_click=on.choose_tab("routing"),
                ),
            ),
            _input("upstream", mono=True),
            class_name="fb-form-pair",
        ),
        field(
            t("model_editor.details.modality"),
            segmented(
                [(one, t(f"model_editor.modality.{one}")) for one in MODALITIES],
                value=DetailsState.form["modality"],
                on_change=lambda chosen: on.set_value("modality", chosen),
                label=t("model_editor.details.modality"),
            ),
            error=DetailsState.wrong["modality"],
            class_name="mt-4",
        ),
        *[_operation(modality) for modality, operations in OPERATIONS.items() if len(operations) > 1],
    )


def _operation(modality: str) -> rx.Component:
    """What a model does, where its modality leaves a choice."""
    return rx.cond(
        DetailsState.form["modality"] == modality,
        field(
            t("model_editor.details.operation"),
            segmented(
                [(one, t(f"model_editor.operation.{one}")) for one in OPERATIONS[modality]],
                value=DetailsState.form["operation"],
                on_change=lambda chosen: on.set_value("operation", chosen),
                label=t("model_editor.details.operation"),
                full=False,
            ),
            error=DetailsState.wrong["operation"],
            class_name="mt-4",
        ),
    )


def _words() -> rx.Component:
    return panel(
        t("model_editor.details.words"),
        rx.el.div(_input("title"), _input("alias", mono=True), class_name="fb-form-pair"),
        rx.el.div(_input("description", multiline=True), class_name="mt-4"),
        detail=t("model_editor.details.at_once_words"),
    )


def _offer() -> rx.Component:
    return panel(
        t("model_editor.details.offer"),
        row(
            column(
                rx.el.span(
                    rx.cond(EditorState.enabled, t("model_editor.details.on"), t("model_editor.details.off")),
                    class_name="fb-medium",
                ),
                rx.el.span(
                    rx.cond(
                        EditorState.enabled, t("model_editor.details.on_words"), t("model_editor.details.off_words")
                    ),
                    class_name="fb-small",
                ),
                class_name="flex-1",
            ),
            rx.switch(
                checked=EditorState.enabled,
                on_change=lambda wanted: offer_on.ask(EditorState.model_id, wanted),
                size="2",
                custom_attrs={"aria-label": t("model_editor.details.offer"), "data-testid": "enabled"},
            ),
        ),
        rx.cond(
            (OfferState.refusal != "") & (OfferState.model == EditorState.model_id) & ~OfferState.is_open,
            rx.el.div(notice(OfferState.refusal), class_name="mt-3"),
        ),
        field(
            t("model_editor.details.credit_cost"),
            typed_input(
                value=EditorState.credit_cost,
                on_change=PriceState.set_credit_cost,
                after=t("model_editor.per.perRequest"),
                input_mode="decimal",
                id="details-credit-cost",
                invalid=EditorState.price.credit_problem != "",
            ),
            aside=rx.el.button(
                t("model_editor.details.to_pricing"),
                type="button",
                class_name="fb-text-button",
                on_click=on.choose_tab("pricing"),
            ),
            error=EditorState.price.credit_problem,
            for_id="details-credit-cost",
            class_name="mt-4",
        ),
        rx.el.p(
            rx.cond(
                EditorState.is_fixed, t("model_editor.details.fixed_words"), t("model_editor.details.formula_words")
            ),
            class_name="fb-small mt-2",
        ),
    )


def _limits() -> rx.Component:
    return panel(
        t("model_editor.details.limits"),
        rx.el.div(
            _input("per_minute", mode="numeric"),
            _input("tokens", mode="numeric"),
            class_name="fb-form-pair",
        ),
        rx.el.div(
            _input("per_day", mode="decimal"),
            _input("per_month", mode="decimal"),
            class_name="fb-form-pair mt-4",
        ),
        rx.el.div(_input("at_once", mode="numeric"), class_name="mt-4"),
        rx.el.p(t("model_editor.details.limits_words"), class_name="fb-small mt-3"),
        detail=t("model_editor.details.limits_hint"),
    )


def _save() -> rx.Component:
    """Stands there as soon as something differs from what is kept."""
    return rx.el.div(
        rx.cond(DetailsState.refused != "", notice(DetailsState.refused)),
        rx.cond(
            DetailsState.dirty,
            row(
                rx.el.span(t("model_editor.details.unsaved"), class_name="fb-small flex-1"),
                button(t("model_editor.details.revert"), kind="ghost", on_click=DetailsState.revert),
                button(
                    t("model_editor.details.save"),
                    kind="soft",
                    busy=DetailsState.saving,
                    on_click=DetailsState.save,
                    custom_attrs={"data-testid": "save-details"},
                ),
                class_name="fb-save-bar",
            ),
        ),
        class_name="fb-details-foot",
    )


def _input(name: str, *, mono: bool = False, multiline: bool = False, mode: str = "text") -> rx.Component:
    return field(
        t(f"model_editor.details.{name}"),
        typed_input(
            value=DetailsState.form[name],
            on_change=lambda text: on.set_value(name, text),
            id=f"details-{name}",
            mono=mono,
            multiline=multiline,
            rows=3,
            input_mode=mode,
            invalid=DetailsState.wrong[name] != "",
            placeholder=t("model_editor.details.no_limit") if mode != "text" else "",
        ),
        error=DetailsState.wrong[name],
        for_id=f"details-{name}",
    )
