"""`/playground`: pick a model, see the price follow every control, run, watch, get the file and what it cost."""

from app.ui.pages.playground import page

__all__ = ["page"]
