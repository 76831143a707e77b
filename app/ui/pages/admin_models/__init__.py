"""The table of models: `/admin/models`."""

from app.ui.pages.admin_models.page import admin_models

__all__ = ["admin_models"]
