"""The statements that add to the sums. `usage_daily` and `usage_monthly` say the same as `usage_rollup`, in fewer
rows."""

from typing import Final

KEYS: Final = {
    "usage_rollup": ("customer", "day", "shape_id", "figure"),
    "usage_daily": ("day", "shape_id", "figure"),
    "usage_monthly": ("month", "customer", "shape_id", "figure"),
}


def adding(table: str, rows: str) -> str:
    """Add `rows` (VALUES, or a query) to the sums of this table."""
    keys = ", ".join(KEYS[table])
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in ("events", "whole", "billionths"))
    columns = f"{keys}, events, whole, billionths"
    return f"INSERT INTO {table} ({columns}) {rows} ON CONFLICT ({keys}) DO UPDATE SET {added}"


#: Row by row, as SQLite takes them.
ADDING: Final = {table: adding(table, f"VALUES ({', '.join('?' * (len(keys) + 3))})") for table, keys in KEYS.items()}
