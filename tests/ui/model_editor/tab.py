"""The editor in one browser tab, without a browser: its handlers are called as their events would."""

import asyncio
import json
from typing import Any

from app.ui.pages.model_editor.state import EditorState
from tests.support.house import House
from tests.ui.tabs import new_tab


class Tab:
    """The page of one model in one browser tab."""

    def __init__(self, alias: str, tab: str = "pricing") -> None:
        self.tree = new_tab("operator", f"/admin/models/{alias}", "/admin/models/[id]").tree
        self.call(EditorState.load)
        if tab != "pricing":
            self.call(EditorState.choose_tab, tab)

    def state(self, kind: Any) -> Any:
        return self.tree.get_substate(kind.get_full_name().split("."))

    def call(self, handler: Any, *arguments: Any) -> Any:
        """Run a handler as its event would; answers what it returns."""

        async def run() -> Any:
            made = handler.fn(self.state(handler.state), *arguments)
            if hasattr(made, "__aiter__"):
                return [one async for one in made]
            return await made if asyncio.iscoroutine(made) else made

        return asyncio.run(run())

    @property
    def editor(self) -> Any:
        return self.state(EditorState)

    @property
    def rule(self) -> Any:
        return json.loads(self.editor.rule_text)


def offer(home: House, alias: str = "flux-schnell") -> Any:
    return home.services.offers.find(alias)


def draft(home: House, tab: Tab) -> Any:
    return home.services.editing.read_draft(tab.editor.model_id)
