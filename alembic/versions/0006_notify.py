"""Chores and mail

Revision ID: 0006_notify
Revises: 0005_payments
"""

revision = "0006_notify"
down_revision = "0005_payments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
