"""Customers, plans, prices and entitlements

Revision ID: 0014_plans
Revises: 0013_metering
"""

revision = "0014_plans"
down_revision = "0013_metering"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
