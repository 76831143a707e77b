"""Handlers of one condition, of a tier or of an attribute: operator, values, ends."""

from typing import Any

import reflex as rx

from app.pricing.parameters import Kind, ParamSchema
from app.ui.pages.model_editor.arguments import SHORT, clipped, decoded, whole
from app.ui.pages.model_editor.json_values import figure_in, figure_text, items, mapping, same
from app.ui.pages.model_editor.pricing import tier_edits
from app.ui.pages.model_editor.state import EditorState

PLACES = ("tiers", "attributes")


class ConditionState(EditorState):
    """The form behind a condition's chips."""

    @rx.event
    async def set_operator(self, place: str, index: int, param: str, op: str):
        """Another way to compare; values and ends are kept where the new way has a use for them."""
        schema = await self._parameters_now()
        before = self._test_at(place, whole(index), param)
        values = before if isinstance(before, list) else [before]
        kept = [value for value in values if not isinstance(value, dict)]
        ends = [figure_text(one) for one in mapping(before).values()] or [figure_text(kept[0])]
        low = ends[0] if figure_in(ends[0]) != ends[0] else _first_number(schema, param)
        if op in ("is", "any") and not kept:
            parameter = schema.get(param)
            kept = [figure_in(low)] if parameter is None or not parameter.enum else list(parameter.enum[:1])
        test = tier_edits.test_of(op, kept, low, ends[-1] if len(ends) > 1 else low)
        await self._set_test(place, index, param, test)

    @rx.event
    async def toggle_value(self, place: str, index: int, param: str, value: str, on: bool):
        """A value of an enum in or out of a condition that takes several; the last one stays."""
        chosen = decoded(value)
        before = self._test_at(place, whole(index), param)
        if not isinstance(before, list):
            await self._set_test(place, index, param, chosen)
            return
        rest = [one for one in before if not same(one, chosen)]
        made = [*rest, chosen] if on is True else rest or before
        await self._set_test(place, index, param, made)

    @rx.event
    async def choose_value(self, place: str, index: int, param: str, value: str):
        await self._set_test(place, index, param, decoded(value))

    @rx.event
    async def type_value(self, place: str, index: int, param: str, text: str):
        """A value typed: a number for a number, else text."""
        schema = await self._parameters_now()
        parameter = schema.get(clipped(param, SHORT))
        is_number = parameter is not None and parameter.kind in (Kind.INTEGER, Kind.NUMBER)
        typed = clipped(text, SHORT)
        await self._set_test(place, index, param, figure_in(typed) if is_number else typed)

    @rx.event
    async def set_end(self, place: str, index: int, param: str, end: str, text: str):
        """The lower or the upper end of a range."""
        before = self._test_at(place, whole(index), param)
        if not isinstance(before, dict) or end not in ("low", "high"):
            return
        keys = ("gte", "gt") if end == "low" else ("lte", "lt")
        figure = figure_in(clipped(text, SHORT))
        made = {key: figure if key in keys else value for key, value in before.items()}
        await self._set_test(place, index, param, made)

    async def _set_test(self, place: str, index: int, param: str, test: Any) -> None:
        if place in PLACES:
            name = clipped(param, SHORT)
            await self._rewrite(lambda rule: tier_edits.set_condition(rule, place, whole(index), name, test))

    def _test_at(self, place: str, index: int, param: str) -> Any:
        entries = items((self._rule() or {}).get(place)) if place in PLACES else []
        entry = mapping(entries[index]) if 0 <= index < len(entries) else {}
        return entry.get("is") if place == "attributes" else mapping(entry.get("match")).get(param)


#: For handlers that are given arguments: the type checker takes `ConditionState.handler` for a namespace.
on: Any = ConditionState


def _first_number(schema: ParamSchema, param: str) -> str:
    parameter = schema.get(param)
    if parameter is None:
        return "1"
    start = parameter.default if parameter.default is not None else parameter.minimum
    text = figure_text(start)
    return text if text and figure_in(text) != text else "1"
