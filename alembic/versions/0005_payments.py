"""Packages, orders, payments, webhooks

Revision ID: 0005_payments
Revises: 0004_invoicing
"""

revision = "0005_payments"
down_revision = "0004_invoicing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
