"""`/admin/orders`: every order, what waits for an operator, and one order with all that happened to it."""

from app.ui.pages.admin_orders import agree_page, detail_page, list_page

__all__ = ["agree_page", "detail_page", "list_page"]
