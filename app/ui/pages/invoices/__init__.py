"""`/invoices`: every document a workspace was issued, who they are made out to, and each of them."""

from app.ui.pages.invoices import document_page, page

__all__ = ["document_page", "page"]
