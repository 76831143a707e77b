"""A password: changed by who knows it, chosen by who was sent a link, and a link asked for by who forgot it."""

from app.ui.pages.passwords import page

__all__ = ["page"]
