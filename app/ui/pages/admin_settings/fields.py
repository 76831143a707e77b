"""The text fields of a small form in a dialog, each with its words by name."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import field, text_input


def named_fields(
    form: str, names: Sequence[str], values: Any, errors: Any, write: Any, *, day: str
) -> list[rx.Component]:
    """A field for each name, written by `write(name, text)`; its words are under `admin_settings.<form>`."""
    return [
        field(
            t(f"admin_settings.{form}.field.{name}"),
            text_input(
                default_value=values[name],
                on_change=lambda text, name=name: write(name, text),
                id=f"{form}-{name}",
                type="date" if name == day else "text",
                auto_complete="off",
            ),
            hint=t(f"admin_settings.{form}.hint.{name}"),
            error=errors[name],
            for_id=f"{form}-{name}",
        )
        for name in names
    ]
