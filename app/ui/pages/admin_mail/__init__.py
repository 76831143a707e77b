"""`/admin/mail`: what was written to whom, and what became of it."""

from app.ui.pages.admin_mail import page

__all__ = ["page"]
