"""What a person is told while their page cannot reach the server, in place of Reflex's own words for programmers."""

import reflex as rx
from reflex.components.core.banner import connection_error, has_hydration_payload_error, has_too_many_connection_errors

from app.kernel.text import t
from app.ui.components import icon

#: Where Reflex puts what lies over every page; ours stands there instead.
OVERLAY = (5, "Overlay")


def connection_lost(stateful: bool) -> rx.Component | None:
    """A line at the foot of the window from the second failed try on; it goes when the server answers again."""
    if not stateful:
        return None
    return rx.cond(
        has_hydration_payload_error,
        _line(connection_error, ""),
        rx.cond(has_too_many_connection_errors, _line(t("shell.lost.title"), t("shell.lost.sentence"))),
    )


def _line(title: rx.Var | str, sentence: str) -> rx.Component:
    return rx.el.div(
        icon("wifi-off", 16),
        rx.el.p(rx.el.span(title, class_name="fb-strong"), " ", sentence),
        class_name="fb-lost",
        role="alert",
        custom_attrs={"data-testid": "connection-lost"},
    )
