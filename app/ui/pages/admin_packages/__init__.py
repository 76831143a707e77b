"""`/admin/packages`: what is sold, version by version, and the codes that give credits away."""

from app.ui.pages.admin_packages import page

__all__ = ["page"]
