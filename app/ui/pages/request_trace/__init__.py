"""`/logs/[id]`: what happened to a request, what it cost and why; for its customer, and for an operator."""

from app.ui.pages.request_trace import page

__all__ = ["page"]
