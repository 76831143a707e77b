"""Meters and usage events

Revision ID: 0013_metering
Revises: 0012_webhooks
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import BigKey, Json, UtcDateTime

revision = "0013_metering"
down_revision = "0012_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "meter",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("event_name", sa.String(), nullable=False),
        sa.Column("aggregation", sa.String(), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("counts_one", sa.Boolean(), nullable=False),
        sa.Column("expression", sa.String(), nullable=True),
        sa.Column("multiplier", sa.String(), nullable=False),
        sa.Column("bucket_size", sa.String(), nullable=True),
        sa.Column("group_by", sa.String(), nullable=True),
        sa.Column("filters", Json, nullable=False),
        sa.Column("reset_usage", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_meter_event_name", "meter", ["event_name"])
    op.create_table(
        "usage_shape",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("event_name", sa.String(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_name", "properties"),
    )
    op.create_table(
        "usage_event",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("shape_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("usage_event_by_customer", "usage_event", ["customer", "at"])
    op.create_table(
        "usage_rollup",
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shape_id", sa.BigInteger(), nullable=False),
        sa.Column("figure", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.BigInteger(), nullable=False),
        sa.Column("billionths", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer", "day", "shape_id", "figure"),
    )
    op.create_table(
        "usage_conflict",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_usage_conflict_event_id", "usage_conflict", ["event_id"])


def downgrade() -> None:
    for table in ("usage_conflict", "usage_rollup", "usage_event", "usage_shape", "meter"):
        op.drop_table(table)
