"""`/balance`: what a workspace can spend, where it went, and which credits are used next."""

from app.ui.pages.balance import page

__all__ = ["page"]
