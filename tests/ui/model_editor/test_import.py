"""Importing parameters: asked of the provider or pasted, shown first, taken over on demand, undone."""

import json

from app.sandbox.fal_models import listed
from app.ui.pages.model_editor.parameters.import_dialog import import_dialog
from app.ui.pages.model_editor.parameters.import_state import ImportState
from app.ui.pages.model_editor.state import EditorState
from tests.ui.model_editor.tab import Tab


def test_a_schema_is_read_from_the_provider_shown_and_taken_over(tab: Tab) -> None:
    tab.call(ImportState.open_import)
    dialog = tab.state(ImportState)
    assert (dialog.importing, dialog.source, dialog.wanted) == (True, "fal", "fal-ai/flux/schnell")
    before = tab.state(EditorState).schema_text
    tab.call(ImportState.read_schema)
    assert dialog.refused == ""
    assert {row["name"]: row["kind"] for row in dialog.changes}["sync_mode"] == "added"
    assert any(note["param"] == "image_size" for note in dialog.notes)
    assert tab.state(EditorState).schema_text == before
    tab.call(ImportState.take)
    assert "sync_mode" in json.loads(tab.state(EditorState).schema_text)["properties"]
    assert not dialog.importing
    tab.call(EditorState.undo)
    assert tab.state(EditorState).schema_text == before


def test_a_pasted_schema_goes_before_the_provider(tab: Tab) -> None:
    tab.call(ImportState.open_import)
    tab.call(ImportState.set_pasted, json.dumps(listed("fal-ai/minimax/speech-02-hd")))
    tab.call(ImportState.read_schema)
    dialog = tab.state(ImportState)
    assert [note["param"] for note in dialog.notes if note["message"].startswith("Left out")] == ["voice_setting"]
    for pasted in ("[1]", "{oops", "{}"):
        tab.call(ImportState.set_pasted, pasted)
        tab.call(ImportState.read_schema)
        assert dialog.refused
        assert not dialog.is_read


def test_a_provider_that_describes_nothing_says_so(tab: Tab) -> None:
    tab.call(ImportState.open_import)
    tab.call(ImportState.set_source, "kie")
    tab.call(ImportState.read_schema)
    assert "paste a schema" in tab.state(ImportState).refused


def test_the_dialog_can_be_drawn() -> None:
    assert import_dialog() is not None
