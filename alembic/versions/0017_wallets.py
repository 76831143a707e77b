"""Wallets of customers, credit grants and billing alerts

Revision ID: 0017_wallets
Revises: 0016_events
"""

revision = "0017_wallets"
down_revision = "0016_events"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
