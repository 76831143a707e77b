"""The parts pages are built from. Import them from here; `docs/ui.md` shows each in use."""

from app.ui.components.base import (
    Child,
    classes,
    column,
    icon,
    keys,
    plain_link,
    route_link,
    row,
    shortcut,
    text_link,
    var,
)
from app.ui.components.buttons import button, icon_button, link_button
from app.ui.components.chart import NOT_DRAWN, Drawing, Series, chart, drawing, legend, share_bar, stacked_bars
from app.ui.components.chips import amount, chip, provider_health, state_chip, state_dot, token
from app.ui.components.dialog import closes, decision, dialog, popover, tip
from app.ui.components.feedback import (
    empty_state,
    error_state,
    live_region,
    loaded,
    notice,
    skeleton,
    toast_done,
)
from app.ui.components.fields import check, field, field_error, segmented, select, switch_row, text_area, text_input
from app.ui.components.figures import card, cost_row, kpi, kpi_strip, panel
from app.ui.components.ids import copy_button, copyable
from app.ui.components.native import hidden, native_form
from app.ui.components.number import number_field
from app.ui.components.slip import fare_slip, slip_line, slip_reason, slip_total
from app.ui.components.table import Column, data_table, filter_input, pagination, two_line
from app.ui.components.tiles import icon_tile, modality_icon, model_tile, provider_tile
from app.ui.components.trace import definition, param_chip, trace, trace_step
from app.ui.components.typed import typed_input

__all__ = [
    "NOT_DRAWN",
    "Child",
    "Column",
    "Drawing",
    "Series",
    "amount",
    "button",
    "card",
    "chart",
    "check",
    "chip",
    "classes",
    "closes",
    "column",
    "copy_button",
    "copyable",
    "cost_row",
    "data_table",
    "decision",
    "definition",
    "dialog",
    "drawing",
    "empty_state",
    "error_state",
    "fare_slip",
    "field",
    "field_error",
    "filter_input",
    "hidden",
    "icon",
    "icon_button",
    "icon_tile",
    "keys",
    "kpi",
    "kpi_strip",
    "legend",
    "link_button",
    "live_region",
    "loaded",
    "modality_icon",
    "model_tile",
    "native_form",
    "notice",
    "number_field",
    "pagination",
    "panel",
    "param_chip",
    "plain_link",
    "popover",
    "provider_health",
    "provider_tile",
    "route_link",
    "row",
    "segmented",
    "select",
    "share_bar",
    "shortcut",
    "skeleton",
    "slip_line",
    "slip_reason",
    "slip_total",
    "stacked_bars",
    "state_chip",
    "state_dot",
    "switch_row",
    "text_area",
    "text_input",
    "text_link",
    "tip",
    "toast_done",
    "token",
    "trace",
    "trace_step",
    "two_line",
    "typed_input",
    "var",
]
