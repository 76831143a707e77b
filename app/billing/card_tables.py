"""Invoices that Farebox collects itself: the card they are charged to, each charge, and what goes back by the same way.

A charge stands beside its payment (`billing_payment`), a refund beside its credit note.
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
    UniqueConstraint,
    text,
)

from app.kernel.db import UtcDateTime, metadata

#: Whoever agreed that their invoices are charged to a saved card: one row once they ever did.
invoice_card = Table(
    "invoice_card",
    metadata,
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("card_id", String, ForeignKey("saved_card.id"), nullable=False),
    Column("consent_id", String, ForeignKey("payment_consent.id"), nullable=False),
    Column("state", String, nullable=False),  # on | off | disabled
    Column("reason", String, nullable=False),  # why it was disabled
    Column("changed_by", String, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

billing_charge = Table(
    "billing_charge",
    metadata,
    Column("payment_id", String, ForeignKey("billing_payment.id"), primary_key=True),
    Column("invoice_id", String, ForeignKey("billing_invoice.id"), nullable=False),
    Column("way", String, nullable=False),  # card | page
    Column("provider", String, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("customer_id", String, nullable=False),  # at the provider
    Column("card_id", String, ForeignKey("saved_card.id")),  # not on a page
    Column("method_id", String),
    Column("state", String, nullable=False),  # asked | unknown | open | done | declined | needs_action | never | …
    Column("intent_id", String),  # pi_…
    Column("session_id", String),  # cs_…
    Column("url", String),
    Column("expires_at", UtcDateTime),  # of the page; part of what was asked
    Column("code", String),  # why it was declined
    Column("again_at", UtcDateTime),  # when this card may be charged for this invoice again; NULL: not any more
    Column("looks", Integer, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),  # the first time; part of how long its key is good for
    Column("look_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("billing_charge_by_invoice", "invoice_id", "card_id"),
    Index("billing_charge_by_intent", "intent_id"),
    Index(
        "billing_charge_to_look_at",
        "look_at",
        sqlite_where=text("look_at IS NOT NULL"),
        postgresql_where=text("look_at IS NOT NULL"),
    ),
)

billing_refund = Table(
    "billing_refund",
    metadata,
    Column("id", String, primary_key=True),  # brf_…
    Column("note_id", String, ForeignKey("billing_credit_note.id"), nullable=False),
    Column("payment_id", String, ForeignKey("billing_payment.id"), nullable=False),  # where the money came from
    Column("way", String, nullable=False),  # stripe | wallet | transfer
    Column("state", String, nullable=False),  # asked | pending | succeeded | failed
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("external_id", String),  # re_…, or the bank's own reference
    Column("failure", String),
    Column("looks", Integer, nullable=False),
    Column("look_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("note_id", "payment_id"),
    CheckConstraint("amount > 0", name="billing_refund_positive"),
    Index(
        "billing_refund_to_look_at",
        "look_at",
        sqlite_where=text("look_at IS NOT NULL"),
        postgresql_where=text("look_at IS NOT NULL"),
    ),
)
