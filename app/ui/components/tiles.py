"""Tiles: the square that stands for a provider or a model, and the icon square of lists and empty states."""

from typing import Any, Literal

import reflex as rx

from app.ui.components.base import classes, icon

#: Providers we know by sight: kind → what is written on the tile.
MARKS = {"fal": "fal", "replicate": "R", "kie": "kie", "openai_compatible": "AI", "sandbox": "S"}


def provider_tile(kind: Any, *, size: Literal["small", "normal"] = "normal") -> rx.Component:
    """A provider's coloured square, by its kind (`fal`, `replicate`, `kie`, …)."""
    mark = MARKS.get(kind, kind[:1].upper()) if isinstance(kind, str) else rx.match(kind, *MARKS.items(), "·")
    return rx.el.span(
        mark, class_name=classes("fb-tile", f"fb-tile-{size}"), custom_attrs={"data-kind": kind, "aria-hidden": "true"}
    )


def model_tile(letter: Any, *, size: Literal["small", "normal", "large"] = "normal") -> rx.Component:
    """A model's dark square with its first letter."""
    return rx.el.span(
        letter, class_name=classes("fb-tile", "fb-tile-model", f"fb-tile-{size}"), custom_attrs={"aria-hidden": "true"}
    )


def icon_tile(name: str, *, tone: Any = "neutral", size: Literal["normal", "large"] = "normal") -> rx.Component:
    """A soft square with an icon."""
    return rx.el.span(
        icon(name, 22 if size == "large" else 15),
        class_name=classes("fb-icon-tile", f"fb-icon-tile-{size}"),
        custom_attrs={"data-tone": tone},
    )


MODALITY_ICONS = {
    "image": "image",
    "video": "clapperboard",
    "audio": "audio-lines",
    "text": "type",
    "embedding": "waypoints",
    "world": "globe",
}


def modality_icon(modality: Any, size: int = 15) -> rx.Component:
    """The icon of a modality, as text or as a var."""
    if isinstance(modality, str):
        return icon(MODALITY_ICONS[modality], size)
    drawn = [(name, icon(shape, size)) for name, shape in MODALITY_ICONS.items()]
    return rx.match(modality, *drawn, icon("box", size))
