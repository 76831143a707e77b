"""The dialog that reads parameters from a provider's own description of a model."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, chip, dialog, field, notice, select, var
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.parameters.import_state import ImportState, on

TONES = {"added": "good", "changed": "neutral", "removed": "thin"}


def import_dialog() -> rx.Component:
    return dialog(
        _where_from(),
        field(
            t("model_editor.import.pasted"),
            rx.el.textarea(
                default_value="",
                on_blur=on.set_pasted,
                id="import-pasted",
                rows="4",
                spell_check=False,
                class_name="fb-input fb-mono",
            ),
            hint=t("model_editor.import.pasted_hint"),
            for_id="import-pasted",
        ),
        rx.cond(ImportState.refused != "", notice(ImportState.refused)),
        rx.cond(ImportState.is_read, _found()),
        title=t("model_editor.import.act"),
        detail=t("model_editor.import.words"),
        size="wide",
        is_open=ImportState.importing,
        on_open_change=ImportState.set_importing,
        footer=[
            button(
                t("model_editor.import.read"),
                busy=ImportState.asking,
                on_click=ImportState.read_schema,
                custom_attrs={"data-testid": "read-schema"},
            ),
            button(
                t("model_editor.import.take"),
                kind="solid",
                disabled=~var(ImportState.is_read),
                on_click=ImportState.take,
                custom_attrs={"data-testid": "take-schema"},
            ),
        ],
    )


def _where_from() -> rx.Component:
    """Which provider, and what it calls the model."""
    return rx.el.div(
        field(
            t("model_editor.import.source"),
            select(
                ImportState.sources,
                value=ImportState.source,
                on_change=on.set_source,
                label=t("model_editor.import.source"),
            ),
        ),
        field(
            t("model_editor.import.wanted"),
            typed_input(
                value=ImportState.wanted,
                on_change=on.set_wanted,
                placeholder="black-forest-labs/flux-schnell",
                id="import-wanted",
                mono=True,
                delay=120,
            ),
            for_id="import-wanted",
        ),
        class_name="fb-form-pair",
    )


def _found() -> rx.Component:
    """What changes, and everything that was not understood or guessed."""
    return rx.el.div(
        rx.el.h3(t("model_editor.import.changes"), class_name="fb-strong"),
        rx.cond(
            var(ImportState.changes).length() > 0,
            rx.el.ul(
                rx.foreach(
                    ImportState.changes,
                    lambda one: rx.el.li(
                        rx.el.span(one["name"], class_name="fb-mono"),
                        rx.match(
                            one["kind"],
                            *[
                                (kind, chip(t(f"model_editor.import.kind.{kind}"), tone=tone))
                                for kind, tone in TONES.items()
                            ],
                            rx.fragment(),
                        ),
                        class_name="flex items-center gap-2",
                    ),
                ),
                class_name="flex flex-wrap gap-3",
            ),
            rx.el.p(t("model_editor.import.same"), class_name="fb-text-2"),
        ),
        rx.cond(
            var(ImportState.notes).length() > 0,
            rx.fragment(
                rx.el.h3(t("model_editor.import.notes"), class_name="fb-strong"),
                rx.el.ul(
                    rx.foreach(
                        ImportState.notes,
                        lambda one: rx.el.li(
                            rx.el.span(one["param"], class_name="fb-mono"), " ", one["message"], class_name="fb-small"
                        ),
                    ),
                    class_name="flex flex-col gap-1",
                ),
            ),
        ),
        class_name="flex flex-col gap-2",
        custom_attrs={"data-testid": "import-found"},
        role="status",
    )
