"""Who sells, who buys, what tax was charged, and what was invoiced.

Written once (`guards.py`): invoices and their lines, versions of the seller, checks of tax ids. A series only counts.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    text,
)

from app.kernel.db import BigKey, Json, UtcDateTime, metadata

legal_entity = Table(
    "legal_entity",
    metadata,
    Column("id", String, primary_key=True),  # ent_…
    Column("version", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("series_prefix", String, nullable=False, unique=True),
    Column("is_default", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(
        "legal_entity_one_default",
        "is_default",
        unique=True,
        sqlite_where=text("is_default"),
        postgresql_where=text("is_default"),
    ),
)

legal_entity_version = Table(
    "legal_entity_version",
    metadata,
    Column("entity_id", String, ForeignKey("legal_entity.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("details", Json, nullable=False),  # a `Seller`
    Column("author", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

billing_profile = Table(
    "billing_profile",
    metadata,
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("title", String, nullable=False),
    Column("country", String, nullable=False),
    Column("tax_id", String),
    Column("details", Json, nullable=False),  # a `Buyer` without the tax id's check
    Column("evidence", Json, nullable=False),  # [{kind, country, at}]
    Column("updated_by", String, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

tax_id_check = Table(
    "tax_id_check",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("tax_id", String, nullable=False),
    Column("source", String, nullable=False),  # vies | hmrc | manual
    Column("result", String, nullable=False),  # valid | invalid | unavailable
    Column("request_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("address", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("checked_at", UtcDateTime, nullable=False),
    Index("tax_id_check_latest", "workspace_id", "tax_id", "id"),
)

tax_rate_override = Table(
    "tax_rate_override",
    metadata,
    Column("id", BigKey, primary_key=True, autoincrement=True),
    Column("jurisdiction", String, nullable=False),  # DE, US-CA
    Column("type", String, nullable=False),  # VAT, GST, sales tax
    Column("rate", String, nullable=False),  # percent, exact
    Column("since", Date, nullable=False),
    Column("until", Date),  # the first day it no longer applies
    Column("note", String, nullable=False),
    Column("author", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", String),
    Index("tax_rate_override_by_place", "jurisdiction", "since"),
)

tax_calculation = Table(
    "tax_calculation",
    metadata,
    Column("id", String, primary_key=True),  # tcl_…
    Column("account", String, nullable=False),  # whose answer it is: stripe_tax:live
    Column("question", String, nullable=False),  # the fingerprint of what was asked: an answer is good for no other
    Column("external_id", String, nullable=False),  # taxcalc_…
    Column("answer", Json, nullable=False),  # a `Calculation`
    Column("expires_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("account", "external_id"),
    Index("tax_calculation_by_question", "question", "created_at"),
    Index("tax_calculation_by_age", "created_at"),
)

fx_rate = Table(
    "fx_rate",
    metadata,
    Column("base", String, primary_key=True),
    Column("quote", String, primary_key=True),
    Column("on_day", Date, primary_key=True),
    Column("rate", String, nullable=False),  # one `base` is `rate` `quote`, exact
    Column("source", String, nullable=False),
    Column("author", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

invoice_series = Table(
    "invoice_series",
    metadata,
    Column("entity_id", String, ForeignKey("legal_entity.id"), primary_key=True),
    Column("kind", String, primary_key=True),  # invoice | credit_note | receipt
    Column("year", Integer, primary_key=True),
    Column("is_test", Boolean, primary_key=True),
    Column("prefix", String, nullable=False, unique=True),  # LGC-2026-
    Column("next", Integer, nullable=False),
    Column("last_issued_on", Date, nullable=False),
    CheckConstraint("next >= 1", name="invoice_series_counts_from_one"),
)

invoice = Table(
    "invoice",
    metadata,
    Column("id", String, primary_key=True),  # inv_…
    Column("number", String, nullable=False, unique=True),
    Column("entity_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("year", Integer, nullable=False),
    Column("is_test", Boolean, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("source_kind", String, nullable=False),  # order | refund | dispute | period
    Column("source_id", String, nullable=False),
    Column("order_id", String),
    Column("refers_to", String, ForeignKey("invoice.id")),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("buyer", String, nullable=False),
    Column("country", String, nullable=False),
    Column("scheme", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("net", BigInteger, nullable=False),  # smallest units; a credit note's are positive
    Column("tax", BigInteger, nullable=False),
    Column("gross", BigInteger, nullable=False),
    Column("document", Json, nullable=False),  # an `InvoiceDocument`: all that is printed
    Column("tax_snapshot", Json, nullable=False),
    Column("hash", String, nullable=False),  # of everything above that was decided
    CheckConstraint("net + tax = gross", name="invoice_adds_up"),
    CheckConstraint("net >= 0 AND tax >= 0", name="invoice_not_negative"),
    CheckConstraint("(kind = 'credit_note') = (refers_to IS NOT NULL)", name="invoice_credit_note_refers"),
    UniqueConstraint("source_kind", "source_id", name="invoice_once_per_source"),
    UniqueConstraint("entity_id", "kind", "year", "is_test", "sequence", name="invoice_sequence"),
    Index("invoice_by_workspace", "workspace_id", "id"),
    Index("invoice_by_day", "issued_on", "id"),
    Index("invoice_by_order", "order_id"),
    Index("invoice_by_referred", "refers_to"),
)

invoice_line = Table(
    "invoice_line",
    metadata,
    Column("invoice_id", String, ForeignKey("invoice.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("description", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("quantity", String, nullable=False),  # exact
    Column("unit", String, nullable=False),
    Column("unit_price", String, nullable=False),  # exact, before tax
    Column("net", BigInteger, nullable=False),
)

invoice_file = Table(
    "invoice_file",
    metadata,
    Column("invoice_id", String, ForeignKey("invoice.id"), primary_key=True),
    Column("format", String, primary_key=True),  # pdf | facturx | cii | ubl
    Column("content", LargeBinary, nullable=False),  # in the database: one backup holds books and documents
    Column("sha256", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
