"""`/admin/invoices`: every document that was issued, to anybody."""

from app.ui.pages.admin_invoices import page

__all__ = ["page"]
