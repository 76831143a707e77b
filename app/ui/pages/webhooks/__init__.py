"""`/webhooks`: where a workspace is told what happens, and a log of what it was told."""

from app.ui.pages.webhooks import page

__all__ = ["page"]
