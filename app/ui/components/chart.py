"""Charts: plotly basic, without its toolbar, in the house style. `farebox.css` repaints them for the dark theme.

Plotly is loaded with the first chart that is drawn: a start does not wait for it, so states keep a `Drawing`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import reflex as rx

from app.kernel.text import t
from app.ui.components.base import Child
from app.ui.components.feedback import live_region
from app.ui.theme import PAST, SERIES

if TYPE_CHECKING:
    import plotly.graph_objects as go

FONT = "Inter Variable, system-ui, sans-serif"
TEXT_3 = "#6A6F78"
HAIRLINE = "#EFF0F3"
#: A figure as the browser gets it, and as a state holds it.
Drawing = dict[str, Any]
#: Below this the axis has parts of one, which are written out.
SMALL = 4
NOT_DRAWN: Drawing = {"data": [], "layout": {}}


@dataclass(frozen=True, slots=True)
class Series:
    """One series of bars. Figures only place the bars; `texts` is what the tooltip says, made by `present`.

    `past` series (cost, yesterday) are slate whatever their position.
    """

    name: str
    figures: Sequence[float]
    texts: Sequence[str]
    past: bool = False


def stacked_bars(
    labels: Sequence[str], series: Sequence[Series], *, dashed: Series | None = None, prefix: str = ""
) -> "go.Figure":
    """Bars stacked by series in order, over a zero baseline; `dashed` draws a comparison line over them.

    `prefix` stands before the axis figures: "$".
    """
    import plotly.graph_objects as go

    figure = go.Figure(layout=_layout(prefix))
    if _top([*series, *([dashed] if dashed else [])]) < SMALL:
        figure.update_yaxes(tickformat=",.3~r")  # "0.5" rather than "500m"
    colours = iter(SERIES)
    for one in series:
        figure.add_bar(
            x=list(labels),
            y=list(one.figures),
            name=one.name,
            customdata=list(one.texts),
            marker={"color": PAST if one.past else next(colours, SERIES[-1]), "line": {"width": 0}, "cornerradius": 2},
            hovertemplate=f"{one.name}  <b>%{{customdata}}</b><extra></extra>",
        )
    if dashed is not None:
        figure.add_scatter(
            x=list(labels),
            y=list(dashed.figures),
            name=dashed.name,
            customdata=list(dashed.texts),
            mode="lines",
            line={"color": TEXT_3, "width": 1.5, "dash": "3px,3px", "shape": "spline", "smoothing": 0.6},
            hovertemplate=f"{dashed.name}  <b>%{{customdata}}</b><extra></extra>",
        )
    return figure


def _top(series: Sequence[Series]) -> float:
    """No bar is higher than this."""
    return sum(max(one.figures, default=0) for one in series)


def drawing(figure: "go.Figure") -> Drawing:
    """What the browser draws."""
    return dict(json.loads(str(figure.to_json())))


def chart(figure: Any, *, summary: Child, height: str = "210px", table: rx.Component | None = None) -> rx.Component:
    """A state's `Drawing` with a one-sentence summary for screen readers and, folded, the same as a table."""
    import plotly.graph_objects as go

    return rx.el.figure(
        rx.plotly.basic(
            data=figure.to(go.Figure),
            config={"displayModeBar": False, "responsive": True, "showTips": False, "scrollZoom": False},
            use_resize_handler=True,
            width="100%",
            height=height,
        ),
        rx.el.figcaption(live_region(summary)),
        rx.el.details(rx.el.summary(t("common.chart.table")), table, class_name="fb-chart-table")
        if table is not None
        else None,
        class_name="fb-chart",
        style={"minHeight": height},
    )


def legend(*names: str, dashed: str | None = None) -> rx.Component:
    """The names of the series beside their colours, in the header of the chart's panel."""
    return rx.el.ul(
        *[
            rx.el.li(rx.el.span(class_name="fb-swatch", custom_attrs={"data-series": str(index + 1)}), name)
            for index, name in enumerate(names)
        ],
        rx.el.li(rx.el.span(class_name="fb-swatch-dashed"), dashed) if dashed else None,
        class_name="fb-legend",
    )


def share_bar(percent: Any, *, series: Any = "1") -> rx.Component:
    """A thin bar filled to `percent` (0–100) in a series' colour: a share, a lot's remainder."""
    return rx.el.span(
        rx.el.span(style={"width": f"{percent}%"}, custom_attrs={"data-series": series}),
        class_name="fb-share",
        custom_attrs={"aria-hidden": "true"},
    )


def _layout(prefix: str) -> "go.Layout":
    import plotly.graph_objects as go

    axis = {"tickfont": {"size": 11, "color": TEXT_3, "family": FONT}, "fixedrange": True, "zeroline": False}
    return go.Layout(
        barmode="stack",
        bargap=0.32,
        showlegend=False,
        hovermode="x unified",
        hoverlabel={"font": {"family": FONT, "size": 12}, "align": "right"},
        margin={"l": 40, "r": 4, "t": 8, "b": 28},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT},
        xaxis={**axis, "showgrid": False, "nticks": 7, "tickangle": 0, "ticklabelstandoff": 5, "type": "category"},
        yaxis={
            **axis,
            "gridcolor": HAIRLINE,
            "nticks": 4,
            "rangemode": "tozero",
            "tickformat": "~s",
            "tickprefix": prefix,
        },
    )
