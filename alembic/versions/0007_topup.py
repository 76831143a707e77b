"""Automatic top-ups, refunds, disputes

Revision ID: 0007_topup
Revises: 0006_notify
"""

revision = "0007_topup"
down_revision = "0006_notify"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
