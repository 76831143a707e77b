"""Handlers of the price itself: fixed or by a formula, its unit and the base figures."""

from typing import Any

import reflex as rx

from app.pricing.editor_text import pretty
from app.pricing.terms import BillingMode
from app.pricing.units import UNITS
from app.ui.pages.model_editor.arguments import SHORT, clipped
from app.ui.pages.model_editor.pricing import price_edits, rule_edits
from app.ui.pages.model_editor.pricing.rule_edits import Rule
from app.ui.pages.model_editor.state import EditorState


class PriceState(EditorState):
    """The top of the visual rule."""

    @rx.event
    async def choose_kind(self, kind: str):
        """`fixed` or `formula`; the formula is kept aside while the price is fixed."""
        wants_fixed = kind == "fixed"
        if wants_fixed == self.is_fixed:
            return
        self._remember()
        if wants_fixed:
            self._kept_rule = self.rule_text
        else:
            self.rule_text = self._kept_rule or self._live_rule() or self._start_rule()
        self.is_fixed = wants_fixed
        await self._changed()

    def _live_rule(self) -> str:
        live = self._known_bench().live
        return pretty(live.pricing_rule) if live and live.pricing_rule else ""

    @rx.event
    async def set_credit_cost(self, text: str):
        self._remember()
        self.credit_cost = clipped(text, SHORT).strip()
        await self._changed()

    @rx.event
    async def set_billing(self, mode: str):
        if mode in [one.value for one in BillingMode]:
            await self._rewrite(lambda rule: rule_edits.set_option(rule, "billingMode", mode))

    @rx.event
    async def set_unit(self, unit: str):
        if unit in UNITS:
            await self._rewrite(lambda rule: price_edits.change_unit(rule, unit, 1 if unit == "token" else 0))

    @rx.event
    async def set_classes(self, choice: str):
        """One price for every token, or one for each class."""
        if choice in ("0", "1"):
            await self._rewrite(lambda rule: price_edits.change_unit(rule, str(rule.get("unit", "token")), int(choice)))

    @rx.event
    async def set_cached(self, on: bool):
        await self._rewrite(lambda rule: price_edits.set_classes_apart(rule, price_edits.CACHED, on is True))

    @rx.event
    async def set_pictures(self, on: bool):
        await self._rewrite(lambda rule: price_edits.set_classes_apart(rule, price_edits.PICTURES, on is True))

    @rx.event
    async def set_base_fee(self, on: bool):
        """A base for the first units, on every price of the rule; off takes both of its figures out."""

        def change(rule: Rule) -> Rule:
            if on is True:
                return price_edits.set_figure(rule, None, "base", "0")
            return price_edits.set_figure(price_edits.set_figure(rule, None, "base", ""), None, "included", "")

        await self._rewrite(change)

    @rx.event
    async def set_base(self, key: str, text: str):
        await self._rewrite(lambda rule: price_edits.set_figure(rule, None, clipped(key, SHORT), clipped(text, SHORT)))


#: For handlers that are given arguments: the type checker takes `PriceState.handler` for a namespace.
on: Any = PriceState
