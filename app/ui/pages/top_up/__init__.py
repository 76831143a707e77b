"""`/top-up`: buying credits, and what became of each order."""

from app.ui.pages.top_up import page

__all__ = ["page"]
