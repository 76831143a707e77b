"""`/admin/settings`: who sells, how tax is handled, the terms, and how payments are taken."""

from app.ui.pages.admin_settings import page

__all__ = ["page"]
