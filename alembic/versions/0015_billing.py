"""Subscriptions, billing periods and their invoices

Revision ID: 0015_billing
Revises: 0014_plans
"""

revision = "0015_billing"
down_revision = "0014_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
