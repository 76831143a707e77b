"""Invoices charged to saved cards, and what of them goes back

Revision ID: 0021_invoice_cards
Revises: 0020_mirror
"""

import sqlalchemy as sa

from alembic import op
from app.kernel.db import UtcDateTime

revision = "0021_invoice_cards"
down_revision = "0020_mirror"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invoice_card",
        sa.Column("workspace_id", sa.String(), sa.ForeignKey("workspace.id"), primary_key=True),
        sa.Column("card_id", sa.String(), sa.ForeignKey("saved_card.id"), nullable=False),
        sa.Column("consent_id", sa.String(), sa.ForeignKey("payment_consent.id"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "billing_charge",
        sa.Column("payment_id", sa.String(), sa.ForeignKey("billing_payment.id"), primary_key=True),
        sa.Column("invoice_id", sa.String(), sa.ForeignKey("billing_invoice.id"), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(), sa.ForeignKey("saved_card.id")),
        sa.Column("method_id", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("intent_id", sa.String()),
        sa.Column("session_id", sa.String()),
        sa.Column("url", sa.String()),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("code", sa.String()),
        sa.Column("again_at", UtcDateTime()),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("look_at", UtcDateTime()),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("billing_charge_by_invoice", "billing_charge", ["invoice_id", "card_id"])
    op.create_index("billing_charge_by_intent", "billing_charge", ["intent_id"])
    _partial("billing_charge_to_look_at", "billing_charge")
    op.create_table(
        "billing_refund",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("note_id", sa.String(), sa.ForeignKey("billing_credit_note.id"), nullable=False),
        sa.Column("payment_id", sa.String(), sa.ForeignKey("billing_payment.id"), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.String()),
        sa.Column("failure", sa.String()),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("look_at", UtcDateTime()),
        sa.Column("done_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("note_id", "payment_id"),
        sa.CheckConstraint("amount > 0", name="billing_refund_positive"),
    )
    _partial("billing_refund_to_look_at", "billing_refund")


def _partial(name: str, table: str) -> None:
    waiting = sa.text("look_at IS NOT NULL")
    op.create_index(name, table, ["look_at"], sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    for table in ("billing_refund", "billing_charge", "invoice_card"):
        op.drop_table(table)
