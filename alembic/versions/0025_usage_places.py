"""A customer's usage events in the order of time, written for many at once where there is one writer (SQLite)

Revision ID: 0025_usage_places
Revises: 0024_stripe_tax
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import UtcDateTime

revision = "0025_usage_places"
down_revision = "0024_stripe_tax"
branch_labels = None
depends_on = None

INDEX = "usage_event_by_customer"


def upgrade() -> None:
    op.create_table(
        "usage_place",
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer", "at", "event"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "INSERT INTO usage_place (customer, at, event) SELECT customer, at, id FROM usage_event"
            " WHERE id <= (SELECT event FROM usage_mark WHERE name = 'rolled') ORDER BY customer, at, id"
        )
        op.drop_index(INDEX, "usage_event")
        op.create_index(INDEX, "usage_event", ["customer", "at"], sqlite_where=sa.text("false"))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index(INDEX, "usage_event")
        op.create_index(INDEX, "usage_event", ["customer", "at"])
    op.drop_table("usage_place")
