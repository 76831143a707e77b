"""Usage events of our own generations; ids known without an index over all of them; sums for everybody and by month

Revision ID: 0016_events
Revises: 0015_billing
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import BigKey, UtcDateTime

revision = "0016_events"
down_revision = "0015_billing"
branch_labels = None
depends_on = None

_SUMS = (
    sa.Column("events", sa.BigInteger(), nullable=False),
    sa.Column("whole", sa.BigInteger(), nullable=False),
    sa.Column("billionths", sa.BigInteger(), nullable=False),
)


def upgrade() -> None:
    # No door has ever written an event: the table is made anew, without its index over the ids.
    op.drop_index("usage_event_by_customer", "usage_event")
    op.drop_table("usage_event")
    op.create_table(
        "usage_event",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        *_of_an_event(),
        sa.Column("generation_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("usage_event_by_customer", "usage_event", ["customer", "at"])
    op.create_index(
        "usage_event_by_generation",
        "usage_event",
        ["generation_id"],
        unique=True,
        sqlite_where=sa.text("generation_id IS NOT NULL"),
        postgresql_where=sa.text("generation_id IS NOT NULL"),
    )
    op.create_table(
        "usage_key",
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "usage_page",
        sa.Column("prefix", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("prefix"),
    )
    op.create_table(
        "usage_mark",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("event", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "usage_daily",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shape_id", sa.BigInteger(), nullable=False),
        sa.Column("figure", sa.String(), nullable=False),
        *(column.copy() for column in _SUMS),
        sa.PrimaryKeyConstraint("day", "shape_id", "figure"),
    )
    op.create_table(
        "usage_monthly",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("shape_id", sa.BigInteger(), nullable=False),
        sa.Column("figure", sa.String(), nullable=False),
        *(column.copy() for column in _SUMS),
        sa.PrimaryKeyConstraint("month", "customer", "shape_id", "figure"),
    )
    op.create_table(
        "usage_due",
        sa.Column("generation_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("generation_id"),
    )
    # Those that were settled before; from now on a trigger sees to it.
    op.execute("INSERT INTO usage_due (generation_id) SELECT id FROM generation WHERE state = 'settled'")


def downgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        for trigger in ("generation_settles", "generation_settled"):
            op.execute(f"DROP TRIGGER IF EXISTS {trigger}")
    else:
        op.execute("DROP FUNCTION IF EXISTS farebox_usage_due() CASCADE")
    for table in ("usage_due", "usage_monthly", "usage_daily", "usage_mark", "usage_page", "usage_key", "usage_event"):
        op.drop_table(table)
    op.create_table(
        "usage_event",
        sa.Column("id", BigKey, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        *_of_an_event(),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_index("usage_event_by_customer", "usage_event", ["customer", "at"])


def _of_an_event() -> tuple[sa.Column, ...]:
    return (
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("shape_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
    )
