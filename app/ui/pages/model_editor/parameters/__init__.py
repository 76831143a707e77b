"""The Parameters tab."""
