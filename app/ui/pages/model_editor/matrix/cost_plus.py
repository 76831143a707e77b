"""A rule written from what the shown route costs, times a markup."""

from decimal import Decimal
from typing import ClassVar

import reflex as rx

from app.kernel.errors import FareboxError
from app.kernel.money import MICRO, exact
from app.kernel.text import t
from app.pricing.cost_plus import cost_plus
from app.pricing.editor_text import pretty
from app.ui.components import (
    button,
    column,
    field_error,
    popover,
    row,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.arguments import clipped
from app.ui.pages.model_editor.state import EditorState
from app.ui.visits import EVERYTHING

MOST_MARKUP = Decimal(1000)


class CostPlusState(EditorState):
    """The markup as typed."""

    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    markup: str = "1.4"
    markup_problem: str = ""

    @rx.event
    def type_markup(self, text: str):
        self.markup, self.markup_problem = clipped(text, 12), ""

    @rx.event
    async def write_cost_plus(self):
        """A rule from what the shown route costs, times the markup, at the worth of a credit."""
        costs = self._known_bench().costs
        markup = _markup(self.markup)
        if markup is None:
            self.markup_problem = t("model_editor.cost_plus.markup_wrong")
            return
        if not costs:
            self.markup_problem = t("model_editor.cost_plus.no_cost")
            return
        cost = costs[min(self._wish.cost_at, len(costs) - 1)]
        try:
            micros = int(self._credit_value() * MICRO)
            made = cost_plus(cost.rule, markup, micros, await self._parameters_now())
        except FareboxError as refused:
            self.markup_problem = refused.message
            return
        self._remember()
        self.markup_problem, self.is_fixed = "", False
        self.rule_text = pretty(made)
        await self._changed()


def cost_plus_popover() -> rx.Component:
    """A rule written from what the route costs."""
    return popover(
        rx.el.button(t("model_editor.cost_plus.open"), type="button", class_name="fb-text-button fb-small-text"),
        column(
            rx.el.p(t("model_editor.cost_plus.words"), class_name="fb-small"),
            row(
                typed_input(
                    value=CostPlusState.markup,
                    on_change=CostPlusState.type_markup,
                    label=t("model_editor.cost_plus.markup"),
                    before="×",
                    input_mode="decimal",
                    delay=60,
                ),
                button(t("model_editor.cost_plus.act"), kind="solid", on_click=CostPlusState.write_cost_plus),
                class_name="fb-cost-plus",
            ),
            field_error(CostPlusState.markup_problem),
            class_name="gap-2 p-2",
        ),
        width="300px",
        align="end",
    )


def _markup(text: str) -> Decimal | None:
    try:
        markup = exact(text.strip())
    except ValueError:
        return None
    return markup if 0 < markup <= MOST_MARKUP else None
