"""Stripe Tax: its answers, and what it is told of sales

Revision ID: 0024_stripe_tax
Revises: 0022_addons
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0024_stripe_tax"
down_revision = "0022_addons"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tax_calculation",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("answer", Json, nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("account", "external_id"),
    )
    op.create_index("tax_calculation_by_question", "tax_calculation", ["question", "created_at"])
    op.create_index("tax_calculation_by_age", "tax_calculation", ["created_at"])
    op.create_table(
        "tax_report",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("document_id", sa.String(), sa.ForeignKey("invoice.id"), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), sa.ForeignKey("payment_order.id"), nullable=False),
        sa.Column("workspace_id", sa.String(), sa.ForeignKey("workspace.id"), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("calculation_id", sa.String()),
        sa.Column("sale_id", sa.String(), sa.ForeignKey("tax_report.id")),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("inclusive", sa.Boolean(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("external_id", sa.String()),
        sa.Column("line_id", sa.String()),
        sa.Column("keys", sa.Integer(), nullable=False),
        sa.Column("keyed_at", UtcDateTime()),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("look_at", UtcDateTime()),
        sa.Column("failure_code", sa.String()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime()),
        sa.UniqueConstraint("document_id"),
        sa.UniqueConstraint("external_id"),
        sa.CheckConstraint("(kind = 'reversal') = (sale_id IS NOT NULL)", name="tax_report_reverses_a_sale"),
        sa.CheckConstraint("net_minor >= 0 AND tax_minor >= 0", name="tax_report_not_negative"),
    )
    op.create_index("tax_report_by_order", "tax_report", ["order_id"])
    op.create_index(
        "tax_report_to_look_at",
        "tax_report",
        ["look_at"],
        sqlite_where=sa.text("look_at IS NOT NULL"),
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
    op.add_column("payment_order", sa.Column("tax_calculation_id", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("payment_order", "tax_calculation_id")
    op.drop_table("tax_report")
    op.drop_table("tax_calculation")
