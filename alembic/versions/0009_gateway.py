"""The gateway's models

Revision ID: 0009_gateway
Revises: 0008_reconcile
"""

revision = "0009_gateway"
down_revision = "0008_reconcile"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
