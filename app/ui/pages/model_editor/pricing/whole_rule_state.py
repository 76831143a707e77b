"""Handlers of what holds for the whole rule: minimum, rounding, overage, refunds."""

from typing import Any

import reflex as rx

from app.pricing.terms import Overage
from app.ui.pages.model_editor.arguments import SHORT, clipped
from app.ui.pages.model_editor.json_values import figure_in, mapping
from app.ui.pages.model_editor.pricing import rule_edits
from app.ui.pages.model_editor.pricing.rule_edits import Rule
from app.ui.pages.model_editor.state import EditorState

#: Fields of the form → keys of the rule.
OPTIONS = {"minimum": "minimum", "add_flat": "addFlat"}


class WholeRuleState(EditorState):
    """The folded part under the per-attribute prices."""

    shows_options: bool = False

    @rx.event
    async def set_option(self, name: str, text: str):
        """A figure of the whole rule; an empty one takes it out."""
        if name in OPTIONS:
            value = figure_in(clipped(text, SHORT)) if str(text).strip() else None
            await self._rewrite(lambda rule: rule_edits.set_option(rule, OPTIONS[name], value))

    @rx.event
    async def set_rounding(self, text: str):
        def change(rule: Rule) -> Rule:
            if not str(text).strip():
                return rule_edits.set_option(rule, "rounding", None)
            mode = mapping(rule.get("rounding")).get("mode", "up")
            return rule_edits.set_option(rule, "rounding", {"to": figure_in(clipped(text, SHORT)), "mode": mode})

        await self._rewrite(change)

    @rx.event
    async def set_rounding_mode(self, mode: str):
        if mode in ("half_up", "up"):
            await self._rewrite(
                lambda rule: rule_edits.set_option(
                    rule, "rounding", {"to": mapping(rule.get("rounding")).get("to", 1), "mode": mode}
                )
            )

    @rx.event
    async def set_overage(self, overage: str):
        if overage in [one.value for one in Overage]:
            await self._rewrite(
                lambda rule: rule_edits.set_option(rule, "overage", None if overage == "cap" else overage)
            )

    @rx.event
    async def set_refund(self, on: bool):
        await self._rewrite(lambda rule: rule_edits.set_option(rule, "refundOnFailure", None if on is True else False))

    @rx.event
    def toggle_options(self):
        self.shows_options = not self.shows_options


#: For handlers that are given arguments: the type checker takes `WholeRuleState.handler` for a namespace.
on: Any = WholeRuleState
