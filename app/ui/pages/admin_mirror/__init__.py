"""`/admin/mirror`: what a remote Flexprice is told, what it refused, and both sides' amounts."""

from app.ui.pages.admin_mirror import page

__all__ = ["page"]
