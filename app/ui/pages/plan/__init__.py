"""`/plan`: what a workspace's plans allow, what of it is used, and what is billed."""

from app.ui.pages.plan.page import plan

__all__ = ["plan"]
