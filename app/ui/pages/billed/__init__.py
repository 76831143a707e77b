"""Invoices of the billing engine as the pages of both sides show them: their lines, and the events behind a line."""
