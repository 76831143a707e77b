"""What things cost, as values and functions: no clock, no database, no network.

parameters    what a request may say           units         the one table of what a price is per
rule          JSON → a checked rule (terms)    rate_card     the rule compiled; `amount` is the hot path
conditions    when a tier or attribute applies scale         quantity → amount: rates, bands, packages
expect        parameters → expected usage      quote         usage × card → lines, total, maximum, and why
matrix        every combination, with findings cost_plus     cost × markup → a customer's rule
editor_text   the rule as text, and its lines  wording       a price in words
"""
