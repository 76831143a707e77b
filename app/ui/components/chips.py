"""Chips, state dots and the token."""

from typing import Any, Literal

import reflex as rx

from app.kernel.text import t
from app.ui.components.base import Child, classes, icon

Tone = Literal["neutral", "good", "thin", "loss", "accent", "outline"]
STATES = ("queued", "running", "done", "failed", "held", "released", "unknown", "draft")


def chip(label: Child, *, tone: Any = "neutral", icon_name: str | None = None, dot: bool = False, **props: Any):
    """A small soft badge. `tone` may be a state's var; a loss always carries its triangle."""
    if icon_name:
        mark: Any = icon(icon_name, 13)
    elif dot:
        mark = rx.el.span(class_name="fb-chip-dot")
    elif isinstance(tone, str):
        mark = icon("triangle-alert", 13) if tone == "loss" else None
    else:
        mark = rx.cond(tone == "loss", icon("triangle-alert", 13))
    return rx.el.span(
        mark,
        rx.el.span(label),
        class_name=classes("fb-chip", props.pop("class_name", None)),
        custom_attrs={"data-tone": tone, **props.pop("custom_attrs", {})},
        **props,
    )


def state_dot(state: Any, label: Child = None, *, quiet: bool = False) -> rx.Component:
    """A state's mark and word, always both: one of `STATES`, as text or as a var.

    `label` replaces the word; `quiet` keeps the word for screen readers only, where a list shows it otherwise.
    """
    word = label if label is not None else _word(state)
    return rx.el.span(
        rx.el.span(_mark(state), class_name="fb-dot", custom_attrs={"data-state": state, "aria-hidden": "true"}),
        rx.el.span(word, class_name="fb-sr" if quiet else "fb-state-word"),
        class_name="fb-state",
        custom_attrs={"data-state": state},
    )


def state_chip(state: Any, label: Child = None) -> rx.Component:
    """A state as a chip, for headlines."""
    tones = {"done": "good", "failed": "loss", "running": "accent", "unknown": "thin"}
    tone = tones.get(state, "neutral") if isinstance(state, str) else rx.match(state, *tones.items(), "neutral")
    word = label if label is not None else _word(state)
    return rx.el.span(
        rx.el.span(_mark(state), class_name="fb-dot", custom_attrs={"data-state": state, "aria-hidden": "true"}),
        rx.el.span(word),
        class_name="fb-chip",
        custom_attrs={"data-tone": tone},
    )


def provider_health(health: Any) -> rx.Component:
    """Healthy, Degraded, Paused or No traffic, from `healthy`, `degraded`, `paused`, `idle`."""
    tones = {"healthy": "good", "degraded": "thin", "paused": "loss", "idle": "neutral"}
    if isinstance(health, str):
        return chip(t(f"common.health.{health}"), tone=tones[health], icon_name=None)
    return chip(
        rx.match(health, *[(name, t(f"common.health.{name}")) for name in tones], ""),
        tone=rx.match(health, *tones.items(), "neutral"),
    )


def token(size: Literal["small", "normal", "large"] = "normal") -> rx.Component:
    """The gold dot that stands before a credit amount where money is decided, and nowhere else."""
    return rx.el.span(class_name=classes("fb-token", f"fb-token-{size}"), custom_attrs={"aria-hidden": "true"})


def amount(
    figure: Child, *, unit: str | None = None, size: Literal["small", "normal", "large"] = "normal", **props: Any
):
    """The token and a credit figure; `unit` says "credits" where the place does not."""
    return rx.el.span(
        token(size),
        rx.el.span(figure, " " + unit if unit else ""),
        class_name=classes("fb-amount fb-num", props.pop("class_name", None)),
        **props,
    )


def _word(state: Any) -> Any:
    if isinstance(state, str):
        return t(f"common.state.{state}")
    return rx.match(state, *[(name, t(f"common.state.{name}")) for name in STATES], state)


def _mark(state: Any) -> Any:
    icons = {"held": "lock", "released": "undo-2", "unknown": "circle-help"}
    if isinstance(state, str):
        return icon(icons[state], 13) if state in icons else None
    return rx.match(state, *[(name, icon(drawn, 13)) for name, drawn in icons.items()], rx.fragment())
