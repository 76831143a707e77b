"""Subscriptions, billing periods and their invoices

Revision ID: 0015_billing
Revises: 0014_plans
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import Json, UtcDateTime

revision = "0015_billing"
down_revision = "0014_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("billing_period", sa.String(), nullable=False),
        sa.Column("billing_period_count", sa.Integer(), nullable=False),
        sa.Column("billing_cycle", sa.String(), nullable=False),
        sa.Column("anchor", UtcDateTime(), nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime(), nullable=True),
        sa.Column("period_start", UtcDateTime(), nullable=False),
        sa.Column("period_end", UtcDateTime(), nullable=False),
        sa.Column("trial_start", UtcDateTime(), nullable=True),
        sa.Column("trial_end", UtcDateTime(), nullable=True),
        sa.Column("cancel_at", UtcDateTime(), nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("lookup_key", sa.String(), nullable=True),
        sa.Column("carried", sa.BigInteger(), nullable=False),
        sa.Column("agreed", Json, nullable=False),
        sa.Column("next_plan", Json, nullable=True),
        sa.Column("meta", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.CheckConstraint("carried >= 0", name="subscription_carries_credit"),
    )
    op.create_index("subscription_by_customer", "subscription", ["customer_id", "id"])
    op.create_index("subscription_by_end", "subscription", ["state", "period_end"])
    op.create_index("subscription_by_workspace", "subscription", ["workspace_id", "state"])
    op.create_table(
        "subscription_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.String(), nullable=False),
        sa.Column("price", Json, nullable=False),
        sa.Column("meter_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("plan_name", sa.String(), nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime(), nullable=True),
        sa.Column("commitment", Json, nullable=True),
        sa.Column("coupons", Json, nullable=False),
        sa.Column("meta", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"]),
    )
    op.create_index("subscription_line_by_price", "subscription_line", ["price_id"])
    op.create_index("subscription_line_by_subscription", "subscription_line", ["subscription_id", "position"])
    op.create_table(
        "subscription_pause",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("resumed_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("period_start", UtcDateTime(), nullable=False),
        sa.Column("period_end", UtcDateTime(), nullable=False),
        sa.Column("meta", Json, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"]),
    )
    op.create_index("subscription_pause_by_subscription", "subscription_pause", ["subscription_id", "begun_at"])
    op.create_table(
        "billing_invoice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("payment_state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("period_start", UtcDateTime(), nullable=False),
        sa.Column("period_end", UtcDateTime(), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("adjusted", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("carried_used", sa.BigInteger(), nullable=False),
        sa.Column("credit_micros", sa.BigInteger(), nullable=False),
        sa.Column("computed", Json, nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("finalized_at", UtcDateTime(), nullable=True),
        sa.Column("voided_at", UtcDateTime(), nullable=True),
        sa.Column("paid_at", UtcDateTime(), nullable=True),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.Column("meta", Json, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["document_id"], ["invoice.id"]),
        sa.ForeignKeyConstraint(["subscription_id"], ["subscription.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.CheckConstraint(
            "total >= 0 AND paid >= 0 AND adjusted >= 0 AND refunded >= 0", name="billing_invoice_positive"
        ),
        sa.UniqueConstraint("source"),
        sa.CheckConstraint("subtotal - discount - credits + tax = total", name="billing_invoice_adds_up"),
    )
    op.create_index("billing_invoice_by_customer", "billing_invoice", ["customer_id", "id"])
    op.create_index("billing_invoice_by_due", "billing_invoice", ["state", "payment_state", "due_at"])
    op.create_index("billing_invoice_by_subscription", "billing_invoice", ["subscription_id", "period_start"])
    op.create_index("billing_invoice_by_workspace", "billing_invoice", ["workspace_id", "id"])
    op.create_table(
        "billing_invoice_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subscription_line_id", sa.String(), nullable=True),
        sa.Column("price_id", sa.String(), nullable=True),
        sa.Column("meter_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("plan_name", sa.String(), nullable=False),
        sa.Column("quantity", sa.String(), nullable=False),
        sa.Column("entitled", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("drill", Json, nullable=False),
        sa.Column("commitment", Json, nullable=True),
        sa.Column("period_start", UtcDateTime(), nullable=False),
        sa.Column("period_end", UtcDateTime(), nullable=False),
        sa.Column("meta", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing_invoice.id"]),
        sa.UniqueConstraint("invoice_id", "position"),
    )
    op.create_index(
        "billing_invoice_line_by_subscription_line", "billing_invoice_line", ["subscription_line_id", "period_start"]
    )
    op.create_table(
        "billing_payment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("meta", Json, nullable=False),
        sa.Column("succeeded_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing_invoice.id"]),
        sa.UniqueConstraint("key"),
        sa.CheckConstraint("amount > 0", name="billing_payment_positive"),
    )
    op.create_index("billing_payment_by_invoice", "billing_payment", ["invoice_id", "id"])
    op.create_table(
        "billing_credit_note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("memo", sa.String(), nullable=False),
        sa.Column("refund_target", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("lines", Json, nullable=False),
        sa.Column("document_id", sa.String(), nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("meta", Json, nullable=False),
        sa.Column("finalized_at", UtcDateTime(), nullable=True),
        sa.Column("voided_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["document_id"], ["invoice.id"]),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing_invoice.id"]),
        sa.CheckConstraint("amount > 0", name="billing_credit_note_positive"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("billing_credit_note_by_invoice", "billing_credit_note", ["invoice_id", "id"])
    op.create_table(
        "postpaid",
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("credit_price", sa.String(), nullable=False),
        sa.Column("net_days", sa.Integer(), nullable=False),
        sa.Column("closed_until", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("dunning", sa.String(), nullable=False),
        sa.Column("dunned_at", UtcDateTime(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
    )


def downgrade() -> None:
    for table in (
        "postpaid",
        "billing_credit_note",
        "billing_payment",
        "billing_invoice_line",
        "billing_invoice",
        "subscription_pause",
        "subscription_line",
        "subscription",
    ):
        op.drop_table(table)
