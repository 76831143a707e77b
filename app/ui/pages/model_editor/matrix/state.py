"""Handlers of the matrix, its findings and the calculator: ways of looking, and the fixes."""

from typing import Any

import reflex as rx

from app.ui.pages.model_editor.arguments import SHORT, clipped, whole
from app.ui.pages.model_editor.matrix.calculator import picked
from app.ui.pages.model_editor.matrix.findings import findings
from app.ui.pages.model_editor.state import EditorState


class MatrixState(EditorState):
    """The right column. `picked_cell` is the cell the calculator was loaded from."""

    picked_cell: str = ""

    @rx.event
    async def pick_facet(self, name: str, value: str):
        await self._look(picks={**self._wish.picks, clipped(name, SHORT): clipped(value, SHORT)})

    @rx.event
    async def choose_rows(self, name: str):
        column = self._wish.column if self._wish.column != name else self.matrix.row_axis
        await self._look(row=clipped(name, SHORT), column=column)

    @rx.event
    async def choose_columns(self, name: str):
        row = self._wish.row if self._wish.row != name else self.matrix.column_axis
        await self._look(column=clipped(name, SHORT), row=row)

    @rx.event
    async def choose_cost(self, at: str):
        await self._look(cost_at=whole(at))

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


#: For handlers that are given arguments: the type checker takes `MatrixState.handler` for a namespace.
on: Any = MatrixState
