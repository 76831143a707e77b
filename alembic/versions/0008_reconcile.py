"""Reconciliations and what they found

Revision ID: 0008_reconcile
Revises: 0007_topup
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0008_reconcile"
down_revision = "0007_topup"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconcile_run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("watermark", UtcDateTime(), nullable=True),
        sa.Column("compared", Json, nullable=False),
        sa.Column("differences", Json, nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("healed", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reconcile_run_by_start", "reconcile_run", ["started_at"])
    seen = sa.text("watermark IS NOT NULL")
    op.create_index("reconcile_run_watermark", "reconcile_run", ["watermark"], sqlite_where=seen, postgresql_where=seen)


def downgrade() -> None:
    op.drop_table("reconcile_run")
