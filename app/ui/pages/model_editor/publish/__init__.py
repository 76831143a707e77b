"""Publishing, and bringing an old version back."""
