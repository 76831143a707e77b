"""Addons on subscriptions

Revision ID: 0022_addons
Revises: 0021_invoice_cards
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0022_addons"
down_revision = "0021_invoice_cards"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription_addon",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("subscription_id", sa.String(), sa.ForeignKey("subscription.id"), nullable=False),
        sa.Column("addon_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime()),
        sa.Column("cancelled_at", UtcDateTime()),
        sa.Column("cancel_reason", sa.String()),
        sa.Column("meta", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("subscription_addon_by_subscription", "subscription_addon", ["subscription_id", "start_at"])
    op.create_index("subscription_addon_by_addon", "subscription_addon", ["addon_id"])
    op.add_column("subscription_line", sa.Column("association_id", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("subscription_line", "association_id")
    op.drop_table("subscription_addon")
