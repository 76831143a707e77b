"""What usage comes to waits to be added to the sums for very many events at once (PostgreSQL)

Revision ID: 0026_usage_waiting
Revises: 0025_usage_places
"""

import sqlalchemy as sa

from alembic import op

revision = "0026_usage_waiting"
down_revision = "0025_usage_places"
branch_labels = None
depends_on = None

#: Tables of sums, and what each is of.
SUMS = {
    "usage_rollup": "customer, day, shape_id, figure",
    "usage_daily": "day, shape_id, figure",
    "usage_monthly": "month, customer, shape_id, figure",
}


def upgrade() -> None:
    op.create_table(
        "usage_waiting",
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shape_id", sa.BigInteger(), nullable=False),
        sa.Column("figure", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.BigInteger(), nullable=False),
        sa.Column("billionths", sa.BigInteger(), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in SUMS:  # room for the next version of a row beside it: no index has to learn of that
            op.execute(f"ALTER TABLE {table} SET (fillfactor = 70)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, keys in SUMS.items():
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
            added = ", ".join(f"{each} = {table}.{each} + excluded.{each}" for each in ("events", "whole", "billionths"))
            op.execute(
                f"""INSERT INTO {table} ({keys}, events, whole, billionths)
                SELECT {keys}, sum(events), sum(whole), sum(billionths)
                FROM (SELECT *, date_trunc('month', day)::date AS month FROM usage_waiting) AS waiting
                GROUP BY {keys} ON CONFLICT ({keys}) DO UPDATE SET {added}"""
            )
    op.drop_table("usage_waiting")
