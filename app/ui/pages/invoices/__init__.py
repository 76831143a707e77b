"""`/invoices`: every document a workspace was issued, and who they are made out to."""

from app.ui.pages.invoices import page

__all__ = ["page"]
