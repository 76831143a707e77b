"""Handlers of the tiers: their order, their prices, which parameters they ask about."""

from typing import Any

import reflex as rx

from app.ui.pages.model_editor.arguments import SHORT, clipped, whole
from app.ui.pages.model_editor.pricing import price_edits, rule_edits, tier_edits
from app.ui.pages.model_editor.state import EditorState


class TierState(EditorState):
    """The card of tiers."""

    @rx.event
    async def add_tier(self):
        schema = await self._parameters_now()
        await self._rewrite(lambda rule: tier_edits.add_tier(rule, schema))

    @rx.event
    async def remove_tier(self, index: int):
        await self._rewrite(lambda rule: rule_edits.remove_entry(rule, "tiers", whole(index)))

    @rx.event
    async def move_tier(self, index: int, to: str):
        await self._rewrite(lambda rule: tier_edits.move_tier(rule, whole(index), whole(to)))

    @rx.event
    async def set_tier_price(self, index: int, key: str, text: str):
        await self._rewrite(
            lambda rule: price_edits.set_figure(rule, whole(index), clipped(key, SHORT), clipped(text, SHORT))
        )

    @rx.event
    async def add_condition(self, index: int, param: str):
        """Ask one more parameter of a tier."""
        schema = await self._parameters_now()
        parameter = schema.get(clipped(param, SHORT))
        if parameter is not None:
            test = tier_edits.first_test(parameter)
            await self._rewrite(
                lambda rule: tier_edits.set_condition(rule, "tiers", whole(index), parameter.name, test)
            )

    @rx.event
    async def remove_condition(self, index: int, param: str):
        await self._rewrite(lambda rule: tier_edits.remove_condition(rule, whole(index), clipped(param, SHORT)))


#: For handlers that are given arguments: the type checker takes `TierState.handler` for a namespace.
on: Any = TierState
