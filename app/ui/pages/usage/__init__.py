"""`/usage` and `/admin/usage`: what was used, by model and day."""

from app.ui.pages.usage.page import admin_usage, usage

__all__ = ["admin_usage", "usage"]
