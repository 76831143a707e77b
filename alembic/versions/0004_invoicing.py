"""Sellers, billing profiles, tax, invoices

Revision ID: 0004_invoicing
Revises: 0003_lots
"""

revision = "0004_invoicing"
down_revision = "0003_lots"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
