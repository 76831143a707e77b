"""`/team`: who belongs to a workspace, and what each may do."""

from app.ui.pages.team import page

__all__ = ["page"]
