"""`/admin`: the day's figures, what needs a decision, and whether the books balance."""

from app.ui.pages.admin_today import page

__all__ = ["page"]
