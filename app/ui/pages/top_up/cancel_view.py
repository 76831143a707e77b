"""Calling an order off, wherever it stands: asked first, because money may be on its way to it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, closes, decision, dialog
from app.ui.components.buttons import Size


def cancel_order(reference: Any, on_click: Any, *, size: Size = "control") -> rx.Component:
    """The button and the question it asks; `on_click` calls the order off."""
    keep, cancel = decision(
        t("top_up.order.cancel"), on_click, leave=t("top_up.order.keep"), test_id="confirm-cancel-order"
    )
    return dialog(
        rx.el.p(t("top_up.order.cancel_words")),
        title=t("top_up.order.cancel"),
        detail=reference,
        trigger=button(t("top_up.order.cancel"), kind="ghost", size=size, custom_attrs={"data-testid": "cancel-order"}),
        footer=[keep, closes(cancel)],
    )
