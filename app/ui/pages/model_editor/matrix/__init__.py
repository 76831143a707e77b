"""The Pricing tab's right column: the matrix, what it found, and the test calculator."""
