"""Pages of a list, the newest first: forth and back by the id that each earlier page ended with."""

from typing import Any

import reflex as rx


class Paged(rx.State, mixin=True):
    """What turns the pages of a state that has `rows` and shows those after `_after()` in `_show()`."""

    shown: str = ""
    has_previous: bool = False
    has_next: bool = False
    _starts: list[str] = []  # the id each earlier page ended with

    @rx.event
    async def next_page(self):
        """Older ones."""
        if self.has_next and (rows := self._listed()):
            self._starts = [*self._starts, rows[-1]["id"]]
            await self._show()

    @rx.event
    async def previous_page(self):
        """Newer ones."""
        if self._starts:
            self._starts = self._starts[:-1]
            await self._show()

    def _listed(self) -> list[Any]:
        return list(getattr(self, "rows", ()))

    def _after(self) -> str | None:
        """The id that the page goes on behind; None at the beginning."""
        return self._starts[-1] if self._starts else None

    def _range(self, size: int) -> dict[str, int]:
        """Which of them the rows of this page are, counted from one, where a full page has `size`."""
        first = len(self._starts) * size + 1
        return {"first": first, "last": first + len(self._listed()) - 1}

    async def _from_the_start(self) -> None:
        self._starts = []
        await self._show()

    async def _show(self) -> None:
        raise NotImplementedError
