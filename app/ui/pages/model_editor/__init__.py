"""The model editor: `/admin/models/[id]`."""

from app.ui.pages.model_editor.page import model_editor

__all__ = ["model_editor"]
