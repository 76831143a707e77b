"""Handlers of the rule's JSON."""

from typing import Any

import reflex as rx

from app.pricing.editor_text import pretty
from app.pricing.parameters import ParamSchema
from app.ui.pages.model_editor.arguments import clipped, whole
from app.ui.pages.model_editor.merging import merged
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.suggestions import apply_fix, wrong_paths


class RuleState(EditorState):
    """The middle column."""

    @rx.event
    def show(self, which: str):
        if which in ("form", "json"):
            self.shows = which

    @rx.event
    async def type_rule(self, text: str, before: str | None = None, count: int = 0):
        """The rule as typed on `before`: kept letter by letter, whatever it says."""
        self.rule_heard = whole(count)
        typed = clipped(text)
        if before is not None:
            typed = merged(clipped(before), self.rule_text, typed)
        if typed == self.rule_text:
            return
        self._remember()
        self.rule_text = typed
        await self._changed()

    @rx.event
    async def lay_out(self):
        """The JSON in the house's layout."""
        raw = self._rule()
        if raw is None or pretty(raw) == self.rule_text:
            return
        self._remember()
        self.rule_text = pretty(raw)
        await self._changed()

    @rx.event
    async def fix_problem(self, fix: str):
        """Put a problem's suggestion in its place."""
        judged = await self._judged()
        found = next((one for one in judged.problems if f"{one.part}|{one.path}" == fix and one.suggestion), None)
        if found is None or found.part != "pricing_rule" or found.suggestion is None:
            return
        suggestion = found.suggestion
        check = wrong_paths(judged.schema if judged.raw_schema is not None else ParamSchema())
        await self._rewrite(lambda rule: apply_fix(rule, found.path, suggestion, found.replaces, check))


#: For handlers that are given arguments: the type checker takes `RuleState.handler` for a namespace.
on: Any = RuleState
