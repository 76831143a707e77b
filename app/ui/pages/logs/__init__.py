"""`/logs`: every request of a workspace, and the way to the trace of each."""

from app.ui.pages.logs import page

__all__ = ["page"]
