"""Fields whose typing lives in the browser: the state hears of it shortly after the last key, and on leaving."""

from typing import Any

import reflex as rx
from reflex_base.components.component import field as prop


def _text_spec(value: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (value,)


class TypedInput(rx.Component):
    """`assets/typed_input.jsx`: a slow answer never replaces what was typed after it."""

    library = "$/public/typed_input.jsx"
    tag = "TypedInput"

    value: rx.Var[Any] = prop(doc="The text as the state knows it.")
    label: rx.Var[str] = prop(doc="Name for screen readers, where no label element names the field.")
    placeholder: rx.Var[str] = prop(doc="Shown while empty.")
    disabled: rx.Var[bool] = prop(doc="Shown but not to be changed.")
    invalid: rx.Var[bool] = prop(doc="Whether the text is wrong.")
    described_by: rx.Var[str] = prop(doc="Id of what explains it.")
    multiline: rx.Var[bool] = prop(doc="Several lines.")
    rows: rx.Var[int] = prop(doc="Height of several lines.")
    mono: rx.Var[bool] = prop(doc="In the mono face.")
    quiet: rx.Var[bool] = prop(doc="Without a border until it is touched.")
    kind: rx.Var[str] = prop(doc="Type of the input: search (in a box of the page's, `/` goes there) or date.")
    input_mode: rx.Var[str] = prop(doc="Which keyboard a phone shows.")
    max_length: rx.Var[int] = prop(doc="Longest text.")
    before: rx.Var[Any] = prop(doc="Text inside, before.")
    after: rx.Var[Any] = prop(doc="Text inside, after: a unit.")
    delay: rx.Var[int] = prop(doc="Milliseconds after the last key until the state hears of it; 220 unless told.")
    test_id: rx.Var[str] = prop(doc="For tests.")
    on_change: rx.EventHandler[_text_spec]  # type: ignore[type-arg,valid-type]


def typed_input(*, value: Any, on_change: Any, **props: Any) -> rx.Component:
    """A field for a draft that is saved as it is typed. Give it `id` and a `field(for_id=…)`, or `label`."""
    return TypedInput.create(value=value, on_change=on_change, **props)


def focus_field(field_id: str) -> Any:
    """The event that puts the cursor into the field of that id, once it stands there."""
    return rx.call_script(f"setTimeout(() => document.getElementById('{field_id}')?.focus(), 80)")
