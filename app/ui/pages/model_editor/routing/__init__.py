"""The Routing & cost tab."""
