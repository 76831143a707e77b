"""Cards and figures: the KPI strip, panels, the cost row."""

from typing import Any

import reflex as rx

from app.ui.components.base import Child, classes, icon, row
from app.ui.components.chips import amount
from app.ui.components.feedback import loaded


def card(*children: Child, **props: Any) -> rx.Component:
    """A card: 1 px line, radius 12."""
    return rx.el.section(*children, class_name=classes("fb-card", props.pop("class_name", None)), **props)


def panel(
    title: Child,
    *body: Child,
    detail: Child = None,
    actions: list[Child] | None = None,
    flush: bool = False,
    **props: Any,
) -> rx.Component:
    """A card with a 48 px header: title, grey detail, actions at the right. `flush` bodies bring their own padding."""
    return card(
        row(
            rx.el.h2(title, class_name="fb-panel-title"),
            rx.el.span(detail, class_name="fb-small fb-cut") if detail is not None else None,
            rx.el.span(class_name="flex-1"),
            *(actions or []),
            class_name="fb-panel-head",
        ),
        rx.el.div(*body, class_name="fb-panel-body" if not flush else ""),
        **props,
    )


def kpi(
    label: Child,
    figure: Child,
    caption: Child = None,
    *,
    delta: Child = None,
    delta_tone: Any = "neutral",
    with_token: bool = False,
    caption_tone: Any = "neutral",
) -> dict[str, Any]:
    """One figure of a `kpi_strip`: label, figure, one caption, and a change at the top right."""
    return {
        "label": label,
        "figure": figure,
        "caption": caption,
        "delta": delta,
        "delta_tone": delta_tone,
        "with_token": with_token,
        "caption_tone": caption_tone,
    }


def kpi_strip(*figures: dict[str, Any], ready: Any = True, label: str = "") -> rx.Component:
    """One card, figures side by side with inner lines; skeletons keep its size until `ready`."""
    return rx.el.dl(
        *[_kpi(figure, ready) for figure in figures],
        class_name="fb-kpis",
        custom_attrs={"aria-label": label, "data-count": str(len(figures))},
    )


def _kpi(parts: dict[str, Any], ready: Any) -> rx.Component:
    figure = amount(parts["figure"], size="large") if parts["with_token"] else rx.el.span(parts["figure"])
    caption = parts["caption"]
    return rx.el.div(
        rx.el.dt(
            rx.el.span(parts["label"]),
            rx.el.span(parts["delta"], class_name="fb-num", custom_attrs={"data-tone": parts["delta_tone"]})
            if parts["delta"] is not None
            else None,
            class_name="fb-kpi-label",
        ),
        rx.el.dd(_when(ready, figure, "5em", "0.8em"), class_name="fb-figure fb-num"),
        rx.el.dd(
            _when(ready, caption, "8em", "0.8em"),
            class_name="fb-kpi-caption",
            custom_attrs={"data-tone": parts["caption_tone"]},
        )
        if caption is not None
        else None,
        class_name="fb-kpi",
    )


def _when(ready: Any, content: Child, width: str, height: str) -> Child:
    return content if ready is True else loaded(ready, content, width=width, height=height)


def cost_row(*steps: tuple[Child, Child], tail: list[Child] | None = None) -> rx.Component:
    """`Estimate 64 › Held 64 › Charged ● 48`, with chips or buttons in `tail`. The last step carries the token."""
    drawn: list[Child] = []
    for index, (label, figure) in enumerate(steps):
        last = index == len(steps) - 1
        if index:
            drawn.append(icon("arrow-right", 14, class_name="fb-text-3"))
        drawn.append(
            rx.el.div(
                rx.el.span(label, class_name="fb-caption"),
                amount(figure, class_name="fb-total") if last else rx.el.span(figure, class_name="fb-total fb-num"),
                class_name="flex flex-col",
            )
        )
    return card(
        row(*drawn, class_name="gap-4 flex-wrap"),
        row(*(tail or []), class_name="ml-auto flex-wrap"),
        class_name="fb-cost-row",
    )
