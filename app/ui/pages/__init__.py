"""A page is one file: its state, its handlers and its components. `app.py` imports them; nothing else does."""
