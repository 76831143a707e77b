"""The Pricing tab's left and middle columns: the visual rule and its JSON."""
