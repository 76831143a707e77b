"""`/admin/providers`: where the providers are, the keys to them, and whether they answer."""

from app.ui.pages.admin_providers import page

__all__ = ["page"]
