"""Stored files: where they are, and for how long

Revision ID: 0018_files
Revises: 0017_wallets
"""

revision = "0018_files"
down_revision = "0017_wallets"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
