"""A request that was refused before it became a generation: what was asked, and why not. And kept payloads."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, column, copyable, definition, notice, panel, var
from app.ui.pages.request_trace.state import TraceState


def refusal() -> rx.Component:
    """The whole page of a refused request."""
    facts = var(TraceState.refused)
    return column(
        panel(
            t("trace.refused.title"),
            notice(facts["message"], tone="loss"),
            definition(t("trace.refused.code"), rx.el.code(facts["code"], class_name="fb-mono")),
            definition(t("trace.refused.asked"), rx.el.code(facts["path"], class_name="fb-mono")),
            definition(t("trace.refused.model"), facts["model"]),
            definition(t("trace.refused.key"), facts["key"]),
            definition(t("trace.refused.when"), rx.el.time(facts["when"], title=facts["whole_when"])),
            rx.cond(facts["repeats"] != "", definition(t("trace.refused.repeats"), facts["repeats"])),
            definition(t("trace.refused.id"), copyable(facts["id"], facts["short_id"], primary=True)),
            detail=t("trace.refused.free"),
        ),
        payloads(),
        class_name="fb-page-narrow gap-[14px]",
        custom_attrs={"data-testid": "refused"},
    )


def payloads() -> rx.Component:
    """What the key's policy kept of the request and its answer."""
    kept = (var(TraceState.kept_request) != "") | (var(TraceState.kept_response) != "")
    return rx.cond(
        kept,
        panel(
            t("trace.payloads.title"),
            rx.el.h4(t("trace.payloads.request"), class_name="fb-small"),
            rx.el.pre(TraceState.kept_request, class_name="fb-code fb-scroll fb-kept", tab_index=0),
            rx.el.h4(t("trace.payloads.response"), class_name="fb-small"),
            rx.el.pre(TraceState.kept_response, class_name="fb-code fb-scroll fb-kept", tab_index=0),
            detail=t("trace.payloads.words"),
            actions=[
                rx.cond(
                    TraceState.may_delete,
                    button(
                        t("trace.payloads.delete"),
                        kind="ghost",
                        icon_name="trash-2",
                        on_click=TraceState.delete_payload,
                    ),
                )
            ],
        ),
    )
