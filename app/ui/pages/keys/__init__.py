"""`/keys`: the keys with which programs spend a workspace's credits."""

from app.ui.pages.keys import page

__all__ = ["page"]
