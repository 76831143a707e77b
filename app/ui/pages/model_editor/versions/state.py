"""Handlers of the Versions tab: the list, and the version that is looked at."""

import asyncio
from typing import Any

import reflex as rx

from app import services
from app.catalogue.workbench import read_version
from app.kernel import clock
from app.kernel.errors import NotFound
from app.ui.pages.model_editor.publish.state import AFTER
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.versions.history import (
    DiffLine,
    PastRow,
    VersionRow,
    diff_lines,
    past_rows,
    version_rows,
)


class VersionsState(EditorState):
    """The list, and the version that is looked at."""

    versions: list[VersionRow] = []
    looked_at: int = 0
    looked: VersionRow = VersionRow(
        number=0, label="", author="", when="", full_when="", note="", changes="", is_live=False, restored="", signed=""
    )
    diff: list[DiffLine] = []
    past: list[PastRow] = []

    @rx.event
    async def load_versions(self):
        """Every version; the newest is looked at first."""
        if not self.model_id or self.missing or self.tab != "versions":
            return
        house = services.current()
        page = await asyncio.to_thread(house.editing.read, self.model_id)
        people = await asyncio.to_thread(house.accounts.people.operators)
        names = {person.id: person.name for person in people}
        self.versions = version_rows(page.versions, names, clock.now())
        if self.versions:
            await self._look_at(self.versions[0]["number"])
        else:
            self.looked_at, self.diff, self.past = 0, [], []

    @rx.event
    async def look_at(self, number: int):
        """One version against the one before it."""
        if str(number).isdigit():
            await self._look_at(int(number))

    async def _look_at(self, number: int) -> None:
        found = next((one for one in self.versions if one["number"] == number), None)
        if found is None:
            return
        before, after, diff = await asyncio.to_thread(two_versions, self.model_id, number)
        self.looked_at, self.looked = number, found
        self.diff, self.past = diff_lines(before, after), past_rows(diff)


AFTER.append(VersionsState.load_versions)


def two_versions(model_id: str, number: int) -> tuple[Any, Any, Any]:
    """A version, the one before it (None for the first), and the combinations it changed."""
    house = services.current()
    page = house.editing.read(model_id)
    with house.db.reading() as session:
        after = read_version(session, model_id, number)
        try:
            before = read_version(session, model_id, number - 1)
        except NotFound:
            before = None
    return before, after, next(one.diff for one in page.versions if one.number == number)


#: For handlers that are given arguments: the type checker takes `VersionsState.handler` for a namespace.
on: Any = VersionsState
