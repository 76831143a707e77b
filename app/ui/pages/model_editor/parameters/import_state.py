"""Reading a provider's own description of a model into the draft: asked of the provider, or pasted."""

import asyncio
from typing import Any, ClassVar, TypedDict

import reflex as rx

from app import services
from app.catalogue.schema_import import MOST_BYTES, Imported, import_schema
from app.generation.model_schema import ask_for_schema
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.text import t
from app.pricing.editor_text import pretty, read_json
from app.ui.components import toast_done
from app.ui.pages.model_editor.arguments import clipped
from app.ui.pages.model_editor.rows import OptionRow
from app.ui.pages.model_editor.state import EditorState
from app.ui.visits import EVERYTHING

LONGEST_ID = 300


class NoteRow(TypedDict):
    param: str
    message: str


class ChangeRow(TypedDict):
    name: str
    kind: str  # added | changed | removed


class ImportState(EditorState):
    """The dialog. Nothing of the draft changes before `take`."""

    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    importing: bool = False
    asking: bool = False
    sources: list[OptionRow] = []
    source: str = ""
    wanted: str = ""
    pasted: str = ""
    refused: str = ""
    is_read: bool = False
    notes: list[NoteRow] = []
    changes: list[ChangeRow] = []
    _found: str = ""

    @rx.event
    async def open_import(self):
        """The dialog, with the model's own route filled in."""
        cards = await asyncio.to_thread(services.current().editing.providers)
        self.sources = [OptionRow(value=card.provider_id, label=card.name) for card in cards]
        known = await asyncio.to_thread(self._first_route)
        self.source = known or (self.sources[0]["value"] if self.sources else "")
        self.wanted, self.pasted, self.refused, self.asking = self.upstream, "", "", False
        self._forget()
        self.importing = True

    def _first_route(self) -> str:
        page = services.current().editing.read(self.model_id)
        return next((route.form.provider_id for route in page.routes if route.form.enabled), "")

    @rx.event
    def set_importing(self, is_open: bool):
        self.importing = is_open is True

    @rx.event
    def set_source(self, source: str):
        self.source = clipped(source, LONGEST_ID)
        self._forget()

    @rx.event
    def set_wanted(self, upstream: str):
        self.wanted = clipped(upstream, LONGEST_ID)
        self._forget()

    @rx.event
    def set_pasted(self, text: str):
        self.pasted = clipped(text, MOST_BYTES)
        self._forget()

    @rx.event
    async def read_schema(self):
        """Show what would become of the draft; a pasted schema goes before the provider."""
        self.asking, self.refused = True, ""
        yield
        current = self._schema() or {}
        try:
            if self.pasted.strip():
                found = await asyncio.to_thread(read_pasted, self.pasted, current)
            else:
                found = await ask_for_schema(services.current().desk, self.source, self.wanted, current)
        except FareboxError as refused:
            self.refused = refused.message
            self._forget()
        else:
            self._take_in(found)
        self.asking = False

    @rx.event
    async def take(self):
        """Put the parameters that were read into the draft."""
        if not self._found:
            return None
        self._remember()
        self.schema_text = self._found
        self.importing = False
        await self._changed()
        return toast_done(t("model_editor.import.taken"), undo=EditorState.undo)

    def _take_in(self, found: Imported) -> None:
        self._found = pretty(found.param_schema)
        self.notes = [NoteRow(param=note.param, message=note.message) for note in found.notes]
        self.changes = [
            ChangeRow(name=name, kind=kind)
            for kind, names in (("added", found.added), ("changed", found.changed), ("removed", found.removed))
            for name in names
        ]
        self.is_read = True

    def _forget(self) -> None:
        self.is_read, self.notes, self.changes, self._found = False, [], [], ""


def read_pasted(text: str, current: dict[str, Any]) -> Imported:
    """A pasted schema, read; InvalidInput when it is no JSON object."""
    document = read_json(text)
    if not isinstance(document, dict):
        raise InvalidInput(t("model_editor.import.no_object"), code="schema_unknown")
    return import_schema(document, current)


#: For handlers that are given arguments: the type checker takes `ImportState.handler` for a namespace.
on: Any = ImportState
