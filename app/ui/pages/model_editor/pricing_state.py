"""Handlers of the Pricing tab: the visual rule, the JSON beside it, the matrix, the calculator, the fixes."""

import asyncio
import json
from decimal import Decimal, InvalidOperation
from typing import Any

import reflex as rx

from app import services
from app.catalogue.judging import Judged, judge
from app.kernel.errors import FareboxError
from app.kernel.money import MICRO
from app.kernel.text import t
from app.pricing.cost_plus import cost_plus
from app.pricing.editor_text import pretty
from app.pricing.parameters import Kind, ParamSchema
from app.pricing.rule import EFFECTS
from app.pricing.terms import BillingMode, Overage
from app.pricing.units import UNITS
from app.ui.pages.model_editor import rule_edits as edits
from app.ui.pages.model_editor.calculator import picked
from app.ui.pages.model_editor.findings import findings
from app.ui.pages.model_editor.state import EditorState, clipped

#: Figures and names are short; anything longer is not typed by a person.
SHORT = 200
PLACES = ("tiers", "attributes")
OPTIONS = {"minimum": "minimum", "add_flat": "addFlat"}
MOST_MARKUP = Decimal(1000)


class PricingState(EditorState):
    """What the Pricing tab can do to the draft."""

    markup: str = "1.4"
    markup_problem: str = ""
    shows_options: bool = False
    picked_cell: str = ""

    # ---- what kind of price ----

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
            await self._rewrite(lambda rule: edits.set_option(rule, "billingMode", mode))

    @rx.event
    async def set_unit(self, unit: str):
        if unit in UNITS:
            await self._rewrite(lambda rule: edits.change_unit(rule, unit, 1 if unit == "token" else 0))

    @rx.event
    async def set_classes(self, choice: str):
        """One price for every token, or one for each class."""
        if choice in ("0", "1"):
            await self._rewrite(lambda rule: edits.change_unit(rule, str(rule.get("unit", "token")), int(choice)))

    @rx.event
    async def set_cached(self, on: bool):
        await self._rewrite(lambda rule: edits.set_cached_price(rule, on is True))

    @rx.event
    async def set_base_fee(self, on: bool):
        """A base for the first units, on every price of the rule; off takes both of its figures out."""

        def change(rule: edits.Rule) -> edits.Rule:
            if on is True:
                return edits.set_figure(rule, None, "base", "0")
            return edits.set_figure(edits.set_figure(rule, None, "base", ""), None, "included", "")

        await self._rewrite(change)

    @rx.event
    async def set_base(self, key: str, text: str):
        await self._rewrite(lambda rule: edits.set_figure(rule, None, clipped(key, SHORT), clipped(text, SHORT)))

    @rx.event
    async def set_option(self, name: str, text: str):
        """A figure of the whole rule; an empty one takes it out."""
        if name in OPTIONS:
            value = edits.figure_in(clipped(text, SHORT)) if str(text).strip() else None
            await self._rewrite(lambda rule: edits.set_option(rule, OPTIONS[name], value))

    @rx.event
    async def set_rounding(self, text: str):
        def change(rule: edits.Rule) -> edits.Rule:
            if not str(text).strip():
                return edits.set_option(rule, "rounding", None)
            mode = edits.mapping(rule.get("rounding")).get("mode", "up")
            return edits.set_option(rule, "rounding", {"to": edits.figure_in(clipped(text, SHORT)), "mode": mode})

        await self._rewrite(change)

    @rx.event
    async def set_rounding_mode(self, mode: str):
        if mode in ("half_up", "up"):
            await self._rewrite(
                lambda rule: edits.set_option(
                    rule, "rounding", {"to": edits.mapping(rule.get("rounding")).get("to", 1), "mode": mode}
                )
            )

    @rx.event
    async def set_overage(self, overage: str):
        if overage in [one.value for one in Overage]:
            await self._rewrite(lambda rule: edits.set_option(rule, "overage", None if overage == "cap" else overage))

    @rx.event
    async def set_refund(self, on: bool):
        await self._rewrite(lambda rule: edits.set_option(rule, "refundOnFailure", None if on is True else False))

    @rx.event
    def toggle_options(self):
        self.shows_options = not self.shows_options

    @rx.event
    def show(self, which: str):
        if which in ("form", "json"):
            self.shows = which

    # ---- tiers ----

    @rx.event
    async def add_tier(self):
        schema = await self._parameters_now()
        await self._rewrite(lambda rule: edits.add_tier(rule, schema))

    @rx.event
    async def remove_tier(self, index: int):
        await self._rewrite(lambda rule: edits.remove_entry(rule, "tiers", _whole(index)))

    @rx.event
    async def move_tier(self, index: int, to: str):
        await self._rewrite(lambda rule: edits.move_tier(rule, _whole(index), _whole(to)))

    @rx.event
    async def set_tier_price(self, index: int, key: str, text: str):
        await self._rewrite(
            lambda rule: edits.set_figure(rule, _whole(index), clipped(key, SHORT), clipped(text, SHORT))
        )

    # ---- conditions ----

    @rx.event
    async def add_condition(self, index: int, param: str):
        """Ask one more parameter of a tier."""
        schema = await self._parameters_now()
        parameter = schema.get(clipped(param, SHORT))
        if parameter is not None:
            test = edits.first_test(parameter)
            await self._rewrite(lambda rule: edits.set_condition(rule, "tiers", _whole(index), parameter.name, test))

    @rx.event
    async def remove_condition(self, index: int, param: str):
        await self._rewrite(lambda rule: edits.remove_condition(rule, _whole(index), clipped(param, SHORT)))

    @rx.event
    async def set_operator(self, place: str, index: int, param: str, op: str):
        """Another way to compare; values and ends are kept where the new way has a use for them."""
        schema = await self._parameters_now()
        before = self._test_at(place, _whole(index), param)
        values = before if isinstance(before, list) else [before]
        kept = [value for value in values if not isinstance(value, dict)]
        ends = [edits.figure_text(one) for one in edits.mapping(before).values()] or [edits.figure_text(kept[0])]
        low = ends[0] if edits.figure_in(ends[0]) != ends[0] else _first_number(schema, param)
        if op in ("is", "any") and not kept:
            parameter = schema.get(param)
            kept = [edits.figure_in(low)] if parameter is None or not parameter.enum else list(parameter.enum[:1])
        test = edits.test_of(op, kept, low, ends[-1] if len(ends) > 1 else low)
        await self._set_test(place, index, param, test)

    @rx.event
    async def toggle_value(self, place: str, index: int, param: str, value: str, on: bool):
        """A value of an enum in or out of a condition that takes several; the last one stays."""
        chosen = _decoded(value)
        before = self._test_at(place, _whole(index), param)
        if not isinstance(before, list):
            await self._set_test(place, index, param, chosen)
            return
        rest = [one for one in before if not edits.same(one, chosen)]
        made = [*rest, chosen] if on is True else rest or before
        await self._set_test(place, index, param, made)

    @rx.event
    async def choose_value(self, place: str, index: int, param: str, value: str):
        await self._set_test(place, index, param, _decoded(value))

    @rx.event
    async def type_value(self, place: str, index: int, param: str, text: str):
        """A value typed: a number for a number, else text."""
        schema = await self._parameters_now()
        parameter = schema.get(clipped(param, SHORT))
        is_number = parameter is not None and parameter.kind in (Kind.INTEGER, Kind.NUMBER)
        typed = clipped(text, SHORT)
        await self._set_test(place, index, param, edits.figure_in(typed) if is_number else typed)

    @rx.event
    async def set_end(self, place: str, index: int, param: str, end: str, text: str):
        """The lower or the upper end of a range."""
        before = self._test_at(place, _whole(index), param)
        if not isinstance(before, dict) or end not in ("low", "high"):
            return
        keys = ("gte", "gt") if end == "low" else ("lte", "lt")
        figure = edits.figure_in(clipped(text, SHORT))
        made = {key: figure if key in keys else value for key, value in before.items()}
        await self._set_test(place, index, param, made)

    async def _set_test(self, place: str, index: int, param: str, test: Any) -> None:
        if place in PLACES:
            name = clipped(param, SHORT)
            await self._rewrite(lambda rule: edits.set_condition(rule, place, _whole(index), name, test))

    def _test_at(self, place: str, index: int, param: str) -> Any:
        entries = edits.items((self._rule() or {}).get(place)) if place in PLACES else []
        entry = edits.mapping(entries[index]) if 0 <= index < len(entries) else {}
        return entry.get("is") if place == "attributes" else edits.mapping(entry.get("match")).get(param)

    # ---- per-attribute prices ----

    @rx.event
    async def choose_effect(self, param: str, value: str, before: str, effect: str):
        """Another effect for a value; until a figure is typed it is only remembered."""
        if effect not in EFFECTS:
            return
        chosen, name = _decoded(value), clipped(param, SHORT)
        attributes = edits.items((self._rule() or {}).get("attributes"))
        index = edits.effect_index(attributes, name, chosen)
        if index is None:
            pending = {**self._wish.pending, f"{name}={value}": effect}
            await self._look(pending=pending)
            return
        figure = attributes[index].get(before)
        if isinstance(figure, dict):
            figure = next(iter(figure.values()), 0)

        def change(rule: edits.Rule) -> edits.Rule:
            return edits.set_effect(rule, name, chosen, effect, "", edits.figure_text(figure))

        await self._rewrite(change)

    @rx.event
    async def set_effect(self, param: str, value: str, effect: str, key: str, text: str):
        if effect in EFFECTS:
            await self._rewrite(
                lambda rule: edits.set_effect(
                    rule, clipped(param, SHORT), _decoded(value), effect, clipped(key, SHORT), clipped(text, SHORT)
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
            await self._rewrite(lambda rule: edits.add_adjustment(rule, parameter))

    @rx.event
    async def set_adjustment(self, index: int, effect: str, key: str, text: str):
        if effect in EFFECTS:
            await self._rewrite(
                lambda rule: edits.set_adjustment(
                    rule, _whole(index), effect, clipped(key, SHORT), clipped(text, SHORT)
                )
            )

    @rx.event
    async def choose_adjustment(self, index: int, before: str, effect: str):
        if effect in EFFECTS and before in EFFECTS:
            await self._rewrite(lambda rule: edits.set_adjustment_kind(rule, _whole(index), before, effect))

    @rx.event
    async def remove_adjustment(self, index: int):
        await self._rewrite(lambda rule: edits.remove_entry(rule, "attributes", _whole(index)))

    # ---- the JSON ----

    @rx.event
    async def type_rule(self, text: str):
        """The rule as typed: kept letter by letter, whatever it says."""
        typed = clipped(text)
        if typed == self.rule_text:
            return
        self._remember()
        self.rule_text = typed
        await self._changed()

    @rx.event
    async def lay_out(self):
        """The JSON in the house's layout."""
        await self._rewrite(lambda rule: {**rule})
        raw = self._rule()
        if raw is not None and pretty(raw) != self.rule_text:
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
        check = edits.wrong_paths(judged.schema if judged.raw_schema is not None else ParamSchema())
        await self._rewrite(lambda rule: edits.apply_fix(rule, found.path, suggestion, found.replaces, check))

    @rx.event
    async def fix_finding(self, fix: str):
        """One of the buttons under a finding."""
        judged = await self._judged()
        every = [one for found in findings(judged, self._wish.cost_at, self._credit_value()) for one in found.fixes]
        chosen = next((one for one in every if one.id == fix), None)
        if chosen is None:
            return
        if chosen.credit_cost is not None:
            await self._set_fixed(chosen.credit_cost)
        elif chosen.rule is not None:
            made = dict(chosen.rule)
            await self._rewrite(lambda _: made)

    async def _set_fixed(self, credits: str) -> None:
        self._remember()
        self.credit_cost = credits
        await self._changed()

    # ---- cost-plus ----

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

    # ---- the matrix and the calculator ----

    @rx.event
    async def pick_facet(self, name: str, value: str):
        await self._look(picks={**self._wish.picks, clipped(name, SHORT): clipped(value, SHORT)})

    @rx.event
    async def choose_rows(self, name: str):
        column = self._wish.column if self._wish.column != name else self.row_axis
        await self._look(row=clipped(name, SHORT), column=column)

    @rx.event
    async def choose_columns(self, name: str):
        row = self._wish.row if self._wish.row != name else self.column_axis
        await self._look(column=clipped(name, SHORT), row=row)

    @rx.event
    async def choose_cost(self, at: str):
        await self._look(cost_at=_whole(at))

    @rx.event
    async def pick_cell(self, key: str):
        """A cell of the matrix, into the calculator."""
        judged = await self._judged()
        self.picked_cell = clipped(key, 2_000)
        await self._look(calc={**self._wish.calc, **picked(judged, self.picked_cell)})

    @rx.event
    async def set_calc(self, name: str, value: str):
        self.picked_cell = ""
        await self._look(calc={**self._wish.calc, clipped(name, SHORT): clipped(value, SHORT)})

    # ---- inside ----

    def _credit_value(self) -> Decimal:
        return services.current().editing.credit_value

    async def _judged(self) -> Judged:
        return await asyncio.to_thread(judge, self._written(), self._known_bench(), self._credit_value(), self._good)

    async def _parameters_now(self) -> ParamSchema:
        return (await self._judged()).schema


#: For handlers that are given arguments: the type checker takes `PricingState.handler` for a namespace.
on: Any = PricingState


def _whole(value: object) -> int:
    """An index out of an event; −1, which is nowhere, when it is none."""
    try:
        return int(str(value))
    except ValueError:
        return -1


def _decoded(value: str) -> Any:
    """A parameter's value as the browser hands it back."""
    try:
        made = json.loads(clipped(value, 2_000))
    except ValueError:
        return clipped(value, SHORT)
    return made if isinstance(made, str | int | float | bool) or made is None else str(made)


def _first_number(schema: ParamSchema, param: str) -> str:
    parameter = schema.get(param)
    if parameter is None:
        return "1"
    start = parameter.default if parameter.default is not None else parameter.minimum
    text = edits.figure_text(start)
    return text if text and edits.figure_in(text) != text else "1"


def _markup(text: str) -> Decimal | None:
    try:
        markup = Decimal(text.strip())
    except InvalidOperation:
        return None
    return markup if markup.is_finite() and 0 < markup <= MOST_MARKUP else None
