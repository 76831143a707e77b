"""Lots with expiry, credits set aside, debt, reasons of a freeze

Revision ID: 0003_lots
Revises: 0002_outbox
"""

revision = "0003_lots"
down_revision = "0002_outbox"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
