"""`/admin/reconcile`: what differs between Stripe, orders, webhooks, ledger and invoices, and what to do about it."""

from app.ui.pages.admin_reconcile import page

__all__ = ["page"]
