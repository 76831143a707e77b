"""`/admin/billing-keys`: the keys with which programs use the billing API."""

from app.ui.pages.admin_billing_keys import page

__all__ = ["page"]
