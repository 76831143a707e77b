"""Handlers of the per-attribute prices."""

from typing import Any

import reflex as rx

from app.pricing.rule import EFFECTS
from app.ui.pages.model_editor.arguments import SHORT, clipped, decoded, whole
from app.ui.pages.model_editor.json_values import figure_text, items
from app.ui.pages.model_editor.pricing import effect_edits, rule_edits
from app.ui.pages.model_editor.pricing.rule_edits import Rule
from app.ui.pages.model_editor.state import EditorState


class EffectState(EditorState):
    """The table of enums, and the list of ranges and files."""

    @rx.event
    async def choose_effect(self, param: str, value: str, before: str, effect: str):
        """Another effect for a value; until a figure is typed it is only remembered."""
        if effect not in EFFECTS:
            return
        chosen, name = decoded(value), clipped(param, SHORT)
        attributes = items((self._rule() or {}).get("attributes"))
        index = effect_edits.effect_index(attributes, name, chosen)
        if index is None:
            pending = {**self._wish.pending, f"{name}={value}": effect}
            await self._look(pending=pending)
            return
        figure = attributes[index].get(before)
        if isinstance(figure, dict):
            figure = next(iter(figure.values()), 0)

        def change(rule: Rule) -> Rule:
            return effect_edits.set_effect(rule, name, chosen, effect, "", figure_text(figure))

        await self._rewrite(change)

    @rx.event
    async def set_effect(self, param: str, value: str, effect: str, key: str, text: str):
        if effect in EFFECTS:
            await self._rewrite(
                lambda rule: effect_edits.set_effect(
                    rule, clipped(param, SHORT), decoded(value), effect, clipped(key, SHORT), clipped(text, SHORT)
                )
            )

    @rx.event
    async def unfold(self, param: str):
        """Show every value of a parameter."""
        await self._look(unfolded=self._wish.unfolded | {clipped(param, SHORT)})

    @rx.event
    async def add_adjustment(self, param: str):
        schema = await self._parameters_now()
        parameter = schema.get(clipped(param, SHORT))
        if parameter is not None:
            await self._rewrite(lambda rule: effect_edits.add_adjustment(rule, parameter))

    @rx.event
    async def set_adjustment(self, index: int, effect: str, key: str, text: str):
        if effect in EFFECTS:
            await self._rewrite(
                lambda rule: effect_edits.set_adjustment(
                    rule, whole(index), effect, clipped(key, SHORT), clipped(text, SHORT)
                )
            )

    @rx.event
    async def choose_adjustment(self, index: int, before: str, effect: str):
        if effect in EFFECTS and before in EFFECTS:
            await self._rewrite(lambda rule: effect_edits.set_adjustment_kind(rule, whole(index), before, effect))

    @rx.event
    async def remove_adjustment(self, index: int):
        await self._rewrite(lambda rule: rule_edits.remove_entry(rule, "attributes", whole(index)))


#: For handlers that are given arguments: the type checker takes `EffectState.handler` for a namespace.
on: Any = EffectState
