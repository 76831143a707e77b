"""A JSON editor: line numbers, colours, an edge on changed lines, and a card under each line that has a problem."""

from typing import Any

import reflex as rx
from reflex_base.components.component import field as prop


def _text_spec(value: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (value,)


def _typed_spec(
    text: rx.Var[str], before: rx.Var[str], count: rx.Var[int]
) -> tuple[rx.Var[str], rx.Var[str], rx.Var[int]]:
    return (text, before, count)


class CodeEditor(rx.Component):
    """`assets/code_editor.jsx`, on CodeMirror."""

    library = "$/public/code_editor.jsx"
    tag = "CodeEditor"
    lib_dependencies: list[str] = [
        "@codemirror/state@6.7.6",
        "@codemirror/view@6.43.15",
        "@codemirror/commands@6.11.1",
    ]

    value: rx.Var[str] = prop(doc="The text as the state knows it.")
    problems: rx.Var[Any] = prop(doc="Rows with line, path, message, fix (a button's words, or empty) and id.")
    changed: rx.Var[Any] = prop(doc="Numbers of the lines that differ from what is live.")
    label: rx.Var[str] = prop(doc="Name for screen readers.")
    name: rx.Var[str] = prop(doc="What `focus_line` calls it by.")
    read_only: rx.Var[bool] = prop(doc="To look at only.")
    heard: rx.Var[int] = prop(doc="The last `count` the state heard; needed where others change the text as well.")
    on_change: rx.EventHandler[_typed_spec]  # type: ignore[type-arg,valid-type]
    on_fix: rx.EventHandler[_text_spec]  # type: ignore[type-arg,valid-type]


def code_editor(*, value: Any, name: str, label: str, **props: Any) -> rx.Component:
    """An editor for JSON text. Shortly after the last key `on_change` hears the text, the text it was typed on, and a
    count for `heard`; `on_fix` hears a problem's `id`.
    """
    return CodeEditor.create(value=value, name=name, label=label, **props)


def focus_line(name: str, line: int) -> Any:
    """The event that puts the cursor of the editor `name` on a line."""
    return rx.call_script(
        f"setTimeout(() => window.dispatchEvent(new CustomEvent('fb:focus-line', {{detail: {{name: '{name}', "
        f"line: {int(line)}}}}})), 80)"
    )
