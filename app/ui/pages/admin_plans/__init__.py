"""`/admin/plans`: what is sold by plan: prices, and what a plan promises."""

from app.ui.pages.admin_plans import page

__all__ = ["page"]
