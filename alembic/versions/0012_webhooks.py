"""Webhooks out

Revision ID: 0012_webhooks
Revises: 0011_limits
"""

revision = "0012_webhooks"
down_revision = "0011_limits"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
