"""Subscriptions, what they are billed for, and the invoices of their periods. Money is in the currency's smallest unit.

`billing_invoice` is the working side: a draft that may change until it is finalised. The document that was issued lives
with the others in `invoice` and never changes.
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
)

from app.billing import card_tables  # noqa: F401 (whoever knows these tables knows those)
from app.kernel.db import Json, UtcDateTime, metadata

subscription = Table(
    "subscription",
    metadata,
    Column("id", String, primary_key=True),  # subs_…
    Column("customer_id", String, nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("plan_id", String, nullable=False),
    Column("state", String, nullable=False),  # lifecycle.State
    Column("currency", String, nullable=False),
    Column("billing_period", String, nullable=False),
    Column("billing_period_count", Integer, nullable=False),
    Column("billing_cycle", String, nullable=False),  # anniversary | calendar
    Column("anchor", UtcDateTime, nullable=False),
    Column("start_at", UtcDateTime, nullable=False),
    Column("end_at", UtcDateTime),
    Column("period_start", UtcDateTime, nullable=False),
    Column("period_end", UtcDateTime, nullable=False),
    Column("trial_start", UtcDateTime),
    Column("trial_end", UtcDateTime),
    Column("cancel_at", UtcDateTime),
    Column("cancelled_at", UtcDateTime),
    Column("cancel_reason", String),
    Column("lookup_key", String),
    Column("carried", BigInteger, nullable=False),  # credit for the next invoice
    Column("agreed", Json, nullable=False),  # commitment, coupons, tax rates, terms, as the wire says them
    Column("next_plan", Json),  # a change that waits for the end of the period
    Column("meta", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("carried >= 0", name="subscription_carries_credit"),
    Index("subscription_by_customer", "customer_id", "id"),
    Index("subscription_by_workspace", "workspace_id", "state"),
    Index("subscription_by_end", "state", "period_end"),
)

subscription_line = Table(
    "subscription_line",
    metadata,
    Column("id", String, primary_key=True),  # subs_line_…
    Column("subscription_id", String, ForeignKey("subscription.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("price_id", String, nullable=False),
    Column("price", Json, nullable=False),  # pinned: `pinned.item_of` reads it
    Column("meter_id", String),
    Column("kind", String, nullable=False),  # USAGE | FIXED
    Column("quantity", String, nullable=False),  # exact
    Column("name", String, nullable=False),
    Column("plan_id", String, nullable=False),
    Column("plan_name", String, nullable=False),
    Column("start_at", UtcDateTime, nullable=False),
    Column("end_at", UtcDateTime),
    Column("commitment", Json),
    Column("coupons", Json, nullable=False),
    Column("association_id", String),  # the addon that it is a price of
    Column("meta", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("subscription_line_by_subscription", "subscription_id", "position"),
    Index("subscription_line_by_price", "price_id"),
)

#: An addon on a subscription, from the day it is taken to the day it is dropped.
subscription_addon = Table(
    "subscription_addon",
    metadata,
    Column("id", String, primary_key=True),  # addon_assoc_…
    Column("subscription_id", String, ForeignKey("subscription.id"), nullable=False),
    Column("addon_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("start_at", UtcDateTime, nullable=False),
    Column("end_at", UtcDateTime),
    Column("cancelled_at", UtcDateTime),
    Column("cancel_reason", String),
    Column("meta", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("subscription_addon_by_subscription", "subscription_id", "start_at"),
    Index("subscription_addon_by_addon", "addon_id"),
)

subscription_pause = Table(
    "subscription_pause",
    metadata,
    Column("id", String, primary_key=True),  # pause_…
    Column("subscription_id", String, ForeignKey("subscription.id"), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("resumed_at", UtcDateTime),
    Column("reason", String),
    Column("period_start", UtcDateTime, nullable=False),  # the period it began in, as it was
    Column("period_end", UtcDateTime, nullable=False),
    Column("meta", Json, nullable=False),
    Column("created_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("subscription_pause_by_subscription", "subscription_id", "begun_at"),
)

billing_invoice = Table(
    "billing_invoice",
    metadata,
    Column("id", String, primary_key=True),  # inv_…
    Column("customer_id", String, nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("subscription_id", String, ForeignKey("subscription.id")),
    Column("source", String, nullable=False, unique=True),  # what it is for; there is never a second one
    Column("kind", String, nullable=False),  # SUBSCRIPTION | ONE_OFF | CREDIT
    Column("state", String, nullable=False),  # DRAFT | FINALIZED | VOIDED | SKIPPED
    Column("payment_state", String, nullable=False),  # PENDING | PROCESSING | SUCCEEDED | …
    Column("reason", String, nullable=False),
    Column("description", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("period_start", UtcDateTime, nullable=False),
    Column("period_end", UtcDateTime, nullable=False),
    Column("subtotal", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("credits", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("adjusted", BigInteger, nullable=False),  # taken off by credit notes before it was paid
    Column("refunded", BigInteger, nullable=False),
    Column("carried_used", BigInteger, nullable=False),
    Column("credit_micros", BigInteger, nullable=False),  # credits used on the limit that it asks to be paid
    Column("computed", Json, nullable=False),  # debits by wallet, tax rates, coupons
    Column("due_at", UtcDateTime),
    Column("finalized_at", UtcDateTime),
    Column("voided_at", UtcDateTime),
    Column("paid_at", UtcDateTime),
    Column("document_id", String, ForeignKey("invoice.id")),
    Column("number", String),
    Column("manual", Boolean, nullable=False),
    Column("meta", Json, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("subtotal - discount - credits + tax = total", name="billing_invoice_adds_up"),
    CheckConstraint("total >= 0 AND paid >= 0 AND adjusted >= 0 AND refunded >= 0", name="billing_invoice_positive"),
    Index("billing_invoice_by_customer", "customer_id", "id"),
    Index("billing_invoice_by_workspace", "workspace_id", "id"),
    Index("billing_invoice_by_subscription", "subscription_id", "period_start"),
    Index("billing_invoice_by_due", "state", "payment_state", "due_at"),
)

billing_invoice_line = Table(
    "billing_invoice_line",
    metadata,
    Column("id", String, primary_key=True),  # inv_line_…
    Column("invoice_id", String, ForeignKey("billing_invoice.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("subscription_line_id", String),
    Column("price_id", String),
    Column("meter_id", String),
    Column("kind", String, nullable=False),  # USAGE | FIXED
    Column("purpose", String, nullable=False),  # "" | true_up | overage | adjustment | proration | postpaid
    Column("name", String, nullable=False),
    Column("plan_name", String, nullable=False),
    Column("quantity", String, nullable=False),  # exact
    Column("entitled", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False),
    Column("credits", BigInteger, nullable=False),
    Column("tier", Integer),
    Column("reason", String, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("drill", Json, nullable=False),  # the kinds of events behind it, with their figures
    Column("commitment", Json),
    Column("period_start", UtcDateTime, nullable=False),
    Column("period_end", UtcDateTime, nullable=False),
    Column("meta", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("invoice_id", "position"),
    Index("billing_invoice_line_by_subscription_line", "subscription_line_id", "period_start"),
)

billing_payment = Table(
    "billing_payment",
    metadata,
    Column("id", String, primary_key=True),  # pay_…
    Column("invoice_id", String, ForeignKey("billing_invoice.id"), nullable=False),
    Column("key", String, nullable=False, unique=True),  # the caller's idempotency key, or its own id
    Column("method", String, nullable=False),  # CARD | OFFLINE | CREDITS | …
    Column("state", String, nullable=False),  # INITIATED | PENDING | PROCESSING | SUCCEEDED | FAILED | …
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("reference", String),  # the provider's id, or the wallet that paid
    Column("error", String),
    Column("meta", Json, nullable=False),
    Column("succeeded_at", UtcDateTime),
    Column("failed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("amount > 0", name="billing_payment_positive"),
    Index("billing_payment_by_invoice", "invoice_id", "id"),
)

billing_credit_note = Table(
    "billing_credit_note",
    metadata,
    Column("id", String, primary_key=True),  # cn_…
    Column("invoice_id", String, ForeignKey("billing_invoice.id"), nullable=False),
    Column("key", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),  # ADJUSTMENT | REFUND
    Column("state", String, nullable=False),  # DRAFT | FINALIZED | VOIDED
    Column("reason", String, nullable=False),
    Column("memo", String, nullable=False),
    Column("refund_target", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("lines", Json, nullable=False),
    Column("document_id", String, ForeignKey("invoice.id")),
    Column("number", String),
    Column("meta", Json, nullable=False),
    Column("finalized_at", UtcDateTime),
    Column("voided_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("amount > 0", name="billing_credit_note_positive"),
    Index("billing_credit_note_by_invoice", "invoice_id", "id"),
)

#: A workspace that pays afterwards: one row once it ever did. Its limit is the wallet's.
postpaid = Table(
    "postpaid",
    metadata,
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("active", Boolean, nullable=False),
    Column("currency", String, nullable=False),
    Column("credit_price", String, nullable=False),  # of one credit, exact, before tax
    Column("net_days", Integer, nullable=False),
    Column("closed_until", UtcDateTime, nullable=False),  # everything used before it is on an invoice
    Column("since", UtcDateTime, nullable=False),
    Column("dunning", String, nullable=False),  # "" | reminded | warned | restricted
    Column("dunned_at", UtcDateTime),
    Column("author", String, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
