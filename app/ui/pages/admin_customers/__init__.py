"""`/admin/customers` and one customer's page: who they are, what they have, and credits given or taken back."""

from app.ui.pages.admin_customers import detail_page, list_page

__all__ = ["detail_page", "list_page"]
