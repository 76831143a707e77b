"""Packages, orders, and what came in from the payment provider. Core tables: orders are written inside the ledger's
own transaction. Amounts of money are whole smallest units beside their currency, credits are micros.

What was agreed on an order (`FROZEN_ON_ORDER`) never changes after it was written; `guards.py` has the database see to
that. `order_event` is append-only.
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

from app.kernel.db import BigKey, Json, UtcDateTime, metadata
from app.payments import card_tables, return_tables, tax_tables  # noqa: F401 (whoever knows these tables knows those)

UNPAID_SQL = "state IN ('draft', 'pending') AND kind = 'package' AND provider <> 'manual'"
UNDER_WAY_SQL = "kind = 'auto_topup' AND state IN ('draft', 'pending', 'processing', 'unknown')"

credit_package = Table(
    "credit_package",
    metadata,
    Column("id", String, primary_key=True),  # pkg_…
    Column("kind", String, nullable=False),  # individual | team | high_volume | enterprise
    Column("sort", Integer, nullable=False),
    Column("live_version_id", String),
    Column("archived_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
)

credit_package_version = Table(
    "credit_package_version",
    metadata,
    Column("id", String, primary_key=True),  # pkv_…
    Column("package_id", String, ForeignKey("credit_package.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("title", String, nullable=False),
    Column("summary", String, nullable=False),
    Column("credits_micros", BigInteger, nullable=False),  # 0 on an enquiry
    Column("bonus_micros", BigInteger, nullable=False),
    Column("prices", Json, nullable=False),  # {"EUR": 4900}: net, in smallest units; empty on an enquiry
    Column("expires_days", Integer),
    Column("bonus_expires_days", Integer),
    Column("author", String, nullable=False),
    Column("note", String, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    UniqueConstraint("package_id", "number"),
    CheckConstraint("credits_micros >= 0 AND bonus_micros >= 0", name="package_not_negative"),
)

terms_version = Table(
    "terms_version",
    metadata,
    Column("id", String, primary_key=True),  # trm_…
    Column("number", Integer, nullable=False, unique=True),
    Column("terms", Text, nullable=False),
    Column("refund_policy", Text, nullable=False),
    Column("invoice_wording", Text, nullable=False),
    Column("author", String, nullable=False),
    Column("note", String, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
)

payment_policy = Table(
    "payment_policy",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Json),
    Column("author", String, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

payment_customer = Table(
    "payment_customer",
    metadata,
    Column("provider", String, primary_key=True),
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("livemode", Boolean, primary_key=True),
    Column("customer_id", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider", "customer_id"),
)

#: What an order says about money and credits, for good.
FROZEN_ON_ORDER = (
    "workspace_id",
    "kind",
    "provider",
    "livemode",
    "package_version_id",
    "credits_micros",
    "bonus_micros",
    "expires_days",
    "bonus_expires_days",
    "currency",
    "net_minor",
    "tax_minor",
    "gross_minor",
    "tax_hash",
    "terms_version_id",
    "reference",
    "idempotency_key",
    "created_by",
    "created_at",
)

payment_order = Table(
    "payment_order",
    metadata,
    Column("id", String, primary_key=True),  # ord_…
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("kind", String, nullable=False),  # package | auto_topup | custom
    Column("provider", String, nullable=False),  # stripe | manual
    Column("livemode", Boolean, nullable=False),  # real money
    Column("state", String, nullable=False),
    Column("package_version_id", String, ForeignKey("credit_package_version.id")),
    Column("title", String, nullable=False),
    Column("credits_micros", BigInteger, nullable=False),
    Column("bonus_micros", BigInteger, nullable=False),
    Column("expires_days", Integer),
    Column("bonus_expires_days", Integer),
    Column("currency", String, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("tax_minor", BigInteger, nullable=False),
    Column("gross_minor", BigInteger, nullable=False),
    Column("tax_snapshot", Json, nullable=False),
    Column("tax_hash", String, nullable=False),
    Column("tax_calculation_id", String),  # taxcalc_…, where Stripe Tax worked the tax out
    Column("terms_version_id", String, ForeignKey("terms_version.id")),
    Column("accepted_by", String),
    Column("accepted_at", UtcDateTime),
    Column("customer_id", String),  # at the provider, once it is known
    Column("reference", String, nullable=False, unique=True),  # what people write on a transfer
    Column("idempotency_key", String, nullable=False),
    Column("created_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("look_at", UtcDateTime),  # when to ask the provider about it
    Column("paid_at", UtcDateTime),
    Column("payment_id", String),  # pay_…, the one that was credited
    Column("journal_id", String),
    Column("lot_id", String),
    Column("bonus_lot_id", String),
    Column("invoice_id", String),
    Column("invoice_number", String),
    Column("failure_code", String),
    Column("failure_message", String),
    UniqueConstraint("workspace_id", "idempotency_key"),
    CheckConstraint("net_minor > 0 AND tax_minor >= 0 AND gross_minor = net_minor + tax_minor", name="order_adds_up"),
    CheckConstraint("credits_micros > 0 AND bonus_micros >= 0", name="order_buys_credits"),
    Index("order_by_workspace", "workspace_id", "created_at"),
    Index("order_by_state", "state", "created_at"),
    Index(
        "order_open_once",
        "workspace_id",
        "package_version_id",
        "currency",
        unique=True,
        sqlite_where=text(UNPAID_SQL),
        postgresql_where=text(UNPAID_SQL),
    ),
    Index(  # whoever is second to charge a card by itself finds this in the way
        "order_topup_once",
        "workspace_id",
        unique=True,
        sqlite_where=text(UNDER_WAY_SQL),
        postgresql_where=text(UNDER_WAY_SQL),
    ),
    Index(
        "order_to_look_at",
        "look_at",
        sqlite_where=text("look_at IS NOT NULL"),
        postgresql_where=text("look_at IS NOT NULL"),
    ),
)

order_event = Table(
    "order_event",
    metadata,
    Column("id", String, primary_key=True),  # evt_…
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("detail", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("order_event_by_order", "order_id", "id"),
)

checkout_session = Table(
    "checkout_session",
    metadata,
    Column("id", String, primary_key=True),  # cks_…
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("provider", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String, nullable=False),  # asked | open | complete | expired | unknown
    Column("save_card", Boolean, nullable=False),
    Column("session_id", String),  # cs_…, once the provider has answered
    Column("url", String),
    Column("expires_at", UtcDateTime, nullable=False),  # part of what was asked: never computed anew
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("order_id", "attempt"),
    UniqueConstraint("provider", "session_id"),
)

payment = Table(
    "payment",
    metadata,
    Column("id", String, primary_key=True),  # pay_…
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("provider", String, nullable=False),
    Column("external_id", String, nullable=False),  # pi_…, or the order's id for a transfer
    Column("charge_id", String),
    Column("currency", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("method", String, nullable=False),
    Column("card", String),
    Column("card_country", String),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider", "external_id"),
    Index("payment_by_order", "order_id"),
    Index("payment_by_charge", "charge_id"),
)

webhook_event = Table(
    "webhook_event",
    metadata,
    Column("id", BigKey, primary_key=True),
    Column("provider", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("api_version", String, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("object_id", String, nullable=False),
    Column("body_sha256", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),  # new | done | ignored | parked
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime),  # when it may be taken (again); NULL once it is over
    Column("order_id", String),
    Column("outcome", String, nullable=False),  # what came of it, or why not
    Column("received_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    UniqueConstraint("provider", "event_id"),
    Index("webhook_event_by_received", "received_at"),
    Index(
        "webhook_event_due",
        "next_at",
        "id",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
)

unmatched_payment = Table(
    "unmatched_payment",
    metadata,
    Column("id", String, primary_key=True),  # unm_…
    Column("provider", String, nullable=False),
    Column("external_id", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", Json, nullable=False),
    Column("currency", String),
    Column("amount_minor", BigInteger),
    Column("livemode", Boolean, nullable=False),
    Column("order_id", String),
    Column("workspace_id", String),
    Column("state", String, nullable=False),  # open | resolved
    Column("resolution", String),
    Column("resolved_by", String),
    Column("resolved_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider", "external_id", "reason"),
    Index("unmatched_by_state", "state", "created_at"),
)

manual_receipt = Table(
    "manual_receipt",
    metadata,
    Column("id", String, primary_key=True),  # rcp_…
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("currency", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),  # < 0 takes a wrong one back
    Column("bank_reference", String, nullable=False, unique=True),  # the bank's own, so a transfer counts once
    Column("value_date", String, nullable=False),  # 2026-11-21, as on the bank statement
    Column("recorded_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount_minor <> 0", name="receipt_not_zero"),
    Index("manual_receipt_by_order", "order_id"),
)

manual_approval = Table(
    "manual_approval",
    metadata,
    Column("order_id", String, ForeignKey("payment_order.id"), primary_key=True),
    Column("approved_by", String, primary_key=True),
    Column("note", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

order_proof = Table(
    "order_proof",
    metadata,
    Column("id", String, primary_key=True),  # prf_…
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String, nullable=False),
    Column("uploaded_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("order_proof_by_order", "order_id"),
)

redemption_code = Table(
    "redemption_code",
    metadata,
    Column("id", String, primary_key=True),  # cod_…
    Column("digest", String, nullable=False, unique=True),
    Column("hint", String, nullable=False),  # the last characters, to tell codes apart
    Column("label", String, nullable=False),
    Column("credits_micros", BigInteger, nullable=False),
    Column("credits_expire_days", Integer),
    Column("most_claims", Integer, nullable=False),
    Column("claims", Integer, nullable=False),
    Column("valid_until", UtcDateTime),
    Column("disabled_at", UtcDateTime),
    Column("created_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("claims >= 0 AND claims <= most_claims AND credits_micros > 0", name="code_within_claims"),
)

redemption_claim = Table(
    "redemption_claim",
    metadata,
    Column("code_id", String, ForeignKey("redemption_code.id"), primary_key=True),
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("claimed_by", String, nullable=False),
    Column("journal_id", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

enquiry = Table(
    "enquiry",
    metadata,
    Column("id", String, primary_key=True),  # enq_…
    Column("workspace_id", String, ForeignKey("workspace.id")),
    Column("package_id", String, ForeignKey("credit_package.id")),
    Column("name", String, nullable=False),
    Column("email", String, nullable=False),
    Column("company", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("state", String, nullable=False),  # open | answered | closed
    Column("note", Text, nullable=False),
    Column("order_id", String, ForeignKey("payment_order.id")),
    Column("handled_by", String),
    Column("handled_at", UtcDateTime),
    Column("created_by", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("enquiry_by_state", "state", "created_at"),
)
