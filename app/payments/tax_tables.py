"""What Stripe Tax is told of sales and of what went back: a row for each document, written with it, sent by a chore."""

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

tax_report = Table(
    "tax_report",
    metadata,
    Column("id", String, primary_key=True),  # trp_…
    Column("kind", String, nullable=False),  # sale | reversal
    Column("document_id", String, ForeignKey("invoice.id"), nullable=False),  # the invoice, or the credit note
    Column("reference", String, nullable=False),  # its number: what Stripe takes once
    Column("order_id", String, ForeignKey("payment_order.id"), nullable=False),
    Column("workspace_id", String, ForeignKey("workspace.id"), nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("calculation_id", String),  # of a sale: taxcalc_…
    Column("sale_id", String, ForeignKey("tax_report.id")),  # of a reversal: the report of what was sold
    Column("currency", String, nullable=False),
    Column("net_minor", BigInteger, nullable=False),  # positive on a reversal too
    Column("tax_minor", BigInteger, nullable=False),
    Column("inclusive", Boolean, nullable=False),  # prices include tax
    Column("whole", Boolean, nullable=False),  # of a reversal: everything went back at once
    Column("state", String, nullable=False),  # waiting | done | refused
    Column("external_id", String),  # tax_…
    Column("line_id", String),  # tax_li_…
    Column("keys", Integer, nullable=False),  # how many idempotency keys were used up
    Column("keyed_at", UtcDateTime),  # since when the present one is in use
    Column("looks", Integer, nullable=False),
    Column("look_at", UtcDateTime),  # when to try (again); NULL once it is over
    Column("failure_code", String),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    UniqueConstraint("document_id"),
    UniqueConstraint("external_id"),
    CheckConstraint("(kind = 'reversal') = (sale_id IS NOT NULL)", name="tax_report_reverses_a_sale"),
    CheckConstraint("net_minor >= 0 AND tax_minor >= 0", name="tax_report_not_negative"),
    Index("tax_report_by_order", "order_id"),
    Index(
        "tax_report_to_look_at",
        "look_at",
        sqlite_where=text("look_at IS NOT NULL"),
        postgresql_where=text("look_at IS NOT NULL"),
    ),
)
