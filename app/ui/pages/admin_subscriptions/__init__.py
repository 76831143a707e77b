"""`/admin/subscriptions` and one subscription's page: who is on which plan, and what comes of it."""

from app.ui.pages.admin_subscriptions import detail_page, list_page

__all__ = ["detail_page", "list_page"]
