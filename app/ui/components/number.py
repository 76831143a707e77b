"""The number field: a slider and an input that move together in the browser and clamp on blur."""

from typing import Any

import reflex as rx
from reflex_base.components.component import field as prop


def _number_spec(value: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (value,)


class NumberField(rx.Component):
    """`assets/number_field.jsx`: keeps what is being typed to itself, so a slow answer never moves the thumb back."""

    library = "$/public/number_field.jsx"
    tag = "NumberField"

    value: rx.Var[Any] = prop(doc="The figure as the state knows it: a number, or a decimal as text.")
    minimum: rx.Var[Any] = prop(doc="Smallest allowed.")
    maximum: rx.Var[Any] = prop(doc="Largest allowed; without it there is no slider.")
    step: rx.Var[Any] = prop(doc="Distance between allowed figures; 1 unless told.")
    label: rx.Var[str] = prop(doc="Name for screen readers.")
    disabled: rx.Var[bool] = prop(doc="Shown but not to be changed.")
    unit: rx.Var[str] = prop(doc="What stands after the figure.")
    slider: rx.Var[bool] = prop(doc="False: the input alone.")
    # A new figure, as text; at most every 60 ms while sliding.
    on_change: rx.EventHandler[_number_spec]  # type: ignore[type-arg,valid-type]


def number_field(
    *,
    value: Any,
    on_change: Any,
    label: Any,
    minimum: Any = None,
    maximum: Any = None,
    step: Any = 1,
    slider: Any = True,
    unit: Any = "",
    **props: Any,
) -> rx.Component:
    """A slider with an input beside it; wrap it in `field(…, hint="1–4")` so that the range shows in the label.

    `on_change` receives text such as "2" or "0.5": hand it to the schema's coercion, never to `float`.
    """
    bounds = {name: bound for name, bound in (("minimum", minimum), ("maximum", maximum)) if bound is not None}
    return NumberField.create(
        value=value, on_change=on_change, label=label, step=step, slider=slider, unit=unit, **bounds, **props
    )
