"""`/admin/routing`: which provider serves which model, how that goes, and what a request would do now."""

from app.ui.pages.admin_routing import page

__all__ = ["page"]
