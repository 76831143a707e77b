"""`/models`: what can be bought, at which price, with which parameters."""

from app.ui.pages.models import page

__all__ = ["page"]
