"""The gateway's models

Revision ID: 0009_gateway
Revises: 0008_reconcile
"""

import sqlalchemy as sa

from alembic import op

revision = "0009_gateway"
down_revision = "0008_reconcile"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model", sa.Column("operation", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("model", "operation")
