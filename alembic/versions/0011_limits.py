"""Limits of keys and workspaces

Revision ID: 0011_limits
Revises: 0010_routing
"""

revision = "0011_limits"
down_revision = "0010_routing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
