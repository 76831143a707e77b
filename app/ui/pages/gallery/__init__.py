"""`/gallery`: what the workspace has made, with what it was made of and what it cost."""

from app.ui.pages.gallery import page

__all__ = ["page"]
