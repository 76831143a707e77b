"""The Details tab."""
