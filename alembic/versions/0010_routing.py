"""Routing

Revision ID: 0010_routing
Revises: 0009_gateway
"""

revision = "0010_routing"
down_revision = "0009_gateway"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
