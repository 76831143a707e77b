"""Money that goes back: refunds, asked for here or at the provider, and disputes.

Each row is known by the provider's own id once there is one, and what it moves is its own part: nothing is ever worked
out from a running total of the provider's.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.kernel.db import UtcDateTime, metadata

refund = Table(
    "refund",
    metadata,
    Column("id", String, primary_key=True),  # rfd_…
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("payment_id", String, ForeignKey("payment.id"), nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("provider", String, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("external_id", String),  # re_…, or the bank's reference
    Column("origin", String, nullable=False),  # operator | provider
    Column("state", String, nullable=False),  # asked | seen | pending | succeeded | failed | canceled | restored
    Column("currency", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("credits_micros", BigInteger, nullable=False),  # of what was paid for: what this part of the money bought
    Column("bonus_micros", BigInteger, nullable=False),
    Column("shortfall_micros", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("failure_code", String),
    Column("credit_note_id", String),
    Column("credit_note_number", String),
    Column("restored_journal_id", String),  # the top-up that gave the credits back, when it failed after all
    Column("idempotency_key", String),
    Column("created_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("look_at", UtcDateTime),
    Column("looks", Integer, nullable=False),
    Column("done_at", UtcDateTime),
    UniqueConstraint("provider", "external_id"),
    UniqueConstraint("order_id", "idempotency_key"),
    CheckConstraint("amount_minor > 0 AND credits_micros >= 0 AND shortfall_micros >= 0", name="refund_not_negative"),
    Index("refund_by_order", "order_id"),
    Index("refund_by_workspace", "workspace_id", "created_at"),
    Index(
        "refund_to_look_at",
        "look_at",
        sqlite_where=text("look_at IS NOT NULL"),
        postgresql_where=text("look_at IS NOT NULL"),
    ),
)

dispute = Table(
    "dispute",
    metadata,
    Column("id", String, primary_key=True),  # dsp_…
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("payment_id", String, ForeignKey("payment.id"), nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("provider", String, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("external_id", String, nullable=False),  # dp_…
    Column("charge_id", String, nullable=False),
    Column("state", String, nullable=False),  # flagged | open | released | lost | restored
    Column("status", String, nullable=False),  # the provider's word
    Column("reason", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("booked_minor", BigInteger, nullable=False),  # of it, what had not gone back before
    Column("credits_micros", BigInteger, nullable=False),
    Column("shortfall_micros", BigInteger, nullable=False),
    Column("round", Integer, nullable=False),  # a dispute may be opened again: each time has set-asides of its own
    Column("credit_note_id", String),
    Column("credit_note_number", String),
    Column("restored_journal_id", String),
    Column("due_by", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    UniqueConstraint("provider", "external_id"),
    CheckConstraint("amount_minor > 0 AND credits_micros >= 0 AND shortfall_micros >= 0", name="dispute_not_negative"),
    Index("dispute_by_order", "order_id"),
    Index("dispute_by_state", "state", "created_at"),
)
