"""Handlers of the Parameters tab: the schema as rows and as JSON."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from app.kernel.text import t
from app.pricing.editor_text import pretty
from app.ui.components import toast_done
from app.ui.pages.model_editor.arguments import clipped, whole
from app.ui.pages.model_editor.json_values import mapping
from app.ui.pages.model_editor.merging import merged
from app.ui.pages.model_editor.parameters import schema_edits
from app.ui.pages.model_editor.parameters.schema_edits import Schema
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.suggestions import apply_fix, wrong_schema_paths

LONGEST_NAME = 64
LONGEST_FIELD = 20_000


class ParametersState(EditorState):
    """`opened` is the parameter whose fields are shown."""

    opened: str = ""
    name_problem: str = ""

    async def _reschema(self, change: Callable[[Schema], Schema]) -> None:
        raw = self._schema()
        if raw is None:
            return
        made = change(raw)
        if made == raw:
            await self._draw()
            return
        self._remember()
        self.schema_text = pretty(made)
        await self._changed()

    @rx.event
    def toggle(self, name: str):
        """Open one parameter's fields, or close them."""
        name = clipped(name, LONGEST_NAME)
        self.opened, self.name_problem = ("" if self.opened == name else name), ""

    @rx.event
    async def add(self):
        raw = self._schema()
        if raw is None:
            return
        name = schema_edits.free_name(raw)
        await self._reschema(lambda schema: schema_edits.add(schema, name))
        self.opened = name

    @rx.event
    async def remove(self, name: str):
        name = clipped(name, LONGEST_NAME)
        await self._reschema(lambda schema: schema_edits.remove(schema, name))
        return toast_done(t("model_editor.parameter.removed", name=name), undo=EditorState.undo)

    @rx.event
    async def move(self, name: str, to: str):
        if str(to).lstrip("-").isdigit():
            await self._reschema(lambda schema: schema_edits.move(schema, clipped(name, LONGEST_NAME), int(to)))

    @rx.event
    async def rename(self, old: str, new: str):
        """Another name, in the schema and in the rule's conditions."""
        raw, wanted = self._schema(), clipped(new, LONGEST_NAME + 1).strip()
        if raw is None or wanted == old:
            return
        if not wanted or len(wanted) > LONGEST_NAME or wanted in mapping(raw.get("properties")):
            self.name_problem = t("model_editor.parameter.name_wrong")
            return
        self.name_problem = ""
        rule = self._rule()
        self._remember()
        if rule is not None:
            self.rule_text = pretty(schema_edits.rename_in_rule(rule, old, wanted))
        self.schema_text = pretty(schema_edits.rename(raw, old, wanted))
        self.opened = wanted
        await self._changed()

    @rx.event
    async def set_field(self, name: str, field: str, text: str):
        await self._reschema(
            lambda schema: schema_edits.set_field(
                schema, clipped(name, LONGEST_NAME), clipped(field, LONGEST_NAME), clipped(text, LONGEST_FIELD)
            )
        )

    @rx.event
    async def set_flag(self, name: str, flag: str, on: bool):
        if flag in ("required", "advanced"):
            await self._reschema(
                lambda schema: schema_edits.set_flag(schema, clipped(name, LONGEST_NAME), flag, on is True)
            )

    @rx.event
    async def set_kind(self, name: str, kind: str):
        await self._reschema(
            lambda schema: schema_edits.set_kind(schema, clipped(name, LONGEST_NAME), clipped(kind, LONGEST_NAME))
        )

    @rx.event
    async def type_schema(self, text: str, before: str | None = None, count: int = 0):
        """The schema as typed on `before`, letter by letter."""
        self.schema_heard = whole(count)
        typed = clipped(text)
        if before is not None:
            typed = merged(clipped(before), self.schema_text, typed)
        if typed == self.schema_text:
            return
        self._remember()
        self.schema_text = typed
        await self._changed()

    @rx.event
    async def fix_problem(self, fix: str):
        """Put a problem's suggestion in its place."""
        judged = await self._draw()
        found = next((one for one in judged.of("param_schema") if f"{one.part}|{one.path}" == fix), None)
        raw = self._schema()
        if found is None or found.suggestion is None or raw is None:
            return
        fixed = apply_fix(raw, found.path, found.suggestion, found.replaces, wrong_schema_paths)
        if fixed is not None:
            await self._reschema(lambda _: fixed)


#: For handlers that are given arguments: the type checker takes `ParametersState.handler` for a namespace.
on: Any = ParametersState
