"""Mails as they were written, one row for each address; addresses that refused; and which alerts were given."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint, text

from app.kernel.db import Json, UtcDateTime, metadata
from app.notify import webhook_tables  # noqa: F401 - so that whoever imports the tables has them all

mail = Table(
    "mail",
    metadata,
    Column("id", String, primary_key=True),  # mail_…, also its Message-ID
    Column("outbox_id", String, nullable=False),  # the promise; no foreign key, promises are forgotten sooner
    Column("workspace_id", String, ForeignKey("workspace.id")),
    Column("address", String, nullable=False),
    Column("template", String, nullable=False),
    Column("language", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("text", String, nullable=False),
    Column("html", String, nullable=False),
    Column("attachments", Json, nullable=False),  # [{"kind": "invoice", "id": "…"}]
    Column("state", String, nullable=False),  # waiting | sent | kept | refused | suppressed | failed
    Column("attempts", Integer, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("error", String),
    UniqueConstraint("outbox_id", "address"),
    Index("mail_by_workspace", "workspace_id", "id"),
    Index("mail_by_state", "state", "id"),
    Index(
        "mail_waiting",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)

mail_refusal = Table(
    "mail_refusal",
    metadata,
    Column("address", String, primary_key=True),  # lower case
    Column("reason", String, nullable=False),
    Column("mail_id", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

balance_alert = Table(
    "balance_alert",
    metadata,
    Column("workspace_id", String, ForeignKey("workspace.id"), primary_key=True),
    Column("threshold_micros", BigInteger),  # None: the house's usual one
    Column("enabled", Boolean, nullable=False),
    Column("armed", Boolean, nullable=False),  # fires when the balance falls below; armed again well above
    Column("fired_at", UtcDateTime),
)

expiry_warning = Table(
    "expiry_warning",
    metadata,
    Column("lot_id", String, primary_key=True),
    Column("days", Integer, primary_key=True),  # 30, 7 or 1 before it expires
    Column("created_at", UtcDateTime, nullable=False),
)

#: That somebody was told that a budget is nearly or wholly used up: once a period.
budget_alert = Table(
    "budget_alert",
    metadata,
    Column("subject", String, primary_key=True),  # key_… or ws_…
    Column("period", String, primary_key=True),  # 2026-11-21 or 2026-11
    Column("percent", Integer, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)
